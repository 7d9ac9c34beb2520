// The settings of the relay.
import { type Static, Type } from "@sinclair/typebox";
import { namedValues } from "../../internal/kernel/named-values.ts";
import { commonConfig, kafkaConfig, secret } from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...kafkaConfig,
  DATABASE_URLS: secret(
    Type.String({
      format: "named-postgres-urls",
      description: "the databases to drain",
    }),
  ),
});

/** The databases of `DATABASE_URLS`. */
export function databasesOf({ DATABASE_URLS }: Static<typeof config>) {
  return namedValues(DATABASE_URLS).map(({ name, value }) => ({ name, url: value }));
}
