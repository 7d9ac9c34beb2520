// The settings of the relay.
import { type Static, Type } from "@sinclair/typebox";
import { namedValues } from "../../internal/kernel/named-values.ts";
import { commonConfig, kafkaConfig, secret } from "../../internal/platform/config.ts";
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";

export const config = Type.Object({
  ...commonConfig,
  ...kafkaConfig,
  DATABASE_URLS: secret(
    Type.String({
      format: "named-postgres-urls",
      description: "the databases to drain, by the names saga, inventory, payment, order",
    }),
  ),
});

type Urls = Pick<Static<typeof config>, "DATABASE_URLS">;

/** What an outbox may send depends on the name of its database, so a name that is not known is a fault. */
export function faultsOf({ DATABASE_URLS }: Urls): readonly string[] {
  return namedValues(DATABASE_URLS)
    .filter(({ name }) => databaseOf(name) === undefined)
    .map(({ name }) => `DATABASE_URLS names the database "${name}": use ${DATABASES.join(", ")}`);
}

/** The databases of `DATABASE_URLS`, which has no faults. */
export function databasesOf({ DATABASE_URLS }: Urls) {
  return namedValues(DATABASE_URLS).flatMap(({ name, value: url }) => {
    const known = databaseOf(name);
    return known === undefined ? [] : [{ name: known, url }];
  });
}

function databaseOf(name: string): DatabaseName | undefined {
  return DATABASES.find((known) => known === name);
}
