// The settings of the relay.
import { type Static, Type } from "@sinclair/typebox";
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

/** The databases of `DATABASE_URLS`: `name=url`, separated by commas. The config's format has checked them. */
export function databasesOf({ DATABASE_URLS }: Static<typeof config>) {
  return DATABASE_URLS.split(",").map((text) => {
    const at = text.indexOf("=");
    return { name: text.slice(0, at), url: text.slice(at + 1) };
  });
}
