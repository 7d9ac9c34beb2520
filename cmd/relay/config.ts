// The settings of the relay.
import { type Static, Type } from "@sinclair/typebox";
import { namedValues } from "../../internal/kernel/named-values.ts";
import { commonConfig, ConfigError, kafkaConfig, secret } from "../../internal/platform/config.ts";
import { DATABASES } from "../../schemas/migrations.ts";

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

/** The databases of `DATABASE_URLS`. What an outbox may send depends on its name, so a name that is not known is an error. */
export function databasesOf({ DATABASE_URLS }: Pick<Static<typeof config>, "DATABASE_URLS">) {
  return namedValues(DATABASE_URLS).map(({ name, value }) => {
    const known = DATABASES.find((each) => each === name);
    if (known === undefined)
      throw new ConfigError("checkout-relay", [
        `DATABASE_URLS names the database ${JSON.stringify(name)}: use ${DATABASES.join(", ")}`,
      ]);
    return { name: known, url: value };
  });
}
