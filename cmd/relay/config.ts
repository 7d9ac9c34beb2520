// The settings of the relay.
import { type Static, Type } from "@sinclair/typebox";
import { namedValues } from "../../internal/kernel/named-values.ts";
import { commonConfig, kafkaConfig, secret } from "../../internal/platform/config.ts";
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";
import type { KafkaSettings } from "../../internal/platform/kafka/connection.ts";

/** In the settings of the account: the name of each database in turn. */
const PLACEHOLDER = "{database}";
const PER_DATABASE = ["KAFKA_CERT_FILE", "KAFKA_KEY_FILE", "KAFKA_USERNAME", "KAFKA_PASSWORD_FILE"] as const;

const perDatabase = (name: (typeof PER_DATABASE)[number]) => ({
  ...kafkaConfig[name],
  description: `${kafkaConfig[name].description}; ${PLACEHOLDER} in it: an account for each of DATABASE_URLS, for example relay-${PLACEHOLDER}`,
});

export const config = Type.Object({
  ...commonConfig,
  ...kafkaConfig,
  KAFKA_CERT_FILE: perDatabase("KAFKA_CERT_FILE"),
  KAFKA_KEY_FILE: perDatabase("KAFKA_KEY_FILE"),
  KAFKA_USERNAME: perDatabase("KAFKA_USERNAME"),
  KAFKA_PASSWORD_FILE: perDatabase("KAFKA_PASSWORD_FILE"),
  DATABASE_URLS: secret(
    Type.String({
      format: "named-postgres-urls",
      description: "the databases to drain, by the names saga, inventory, payment, order",
    }),
  ),
});
export type RelayConfig = Static<typeof config>;

type Urls = Pick<Static<typeof config>, "DATABASE_URLS">;

/** What an outbox may send depends on the name of its database, so a name that is not known is a fault. */
export function faultsOf({ DATABASE_URLS }: Urls): readonly string[] {
  return namedValues(DATABASE_URLS)
    .filter(({ name }) => databaseOf(name) === undefined)
    .map(({ name }) => `DATABASE_URLS names the database "${name}": use ${DATABASES.join(", ")}`);
}

/** One of those that this relay drains. */
export interface OutboxDatabase {
  readonly name: DatabaseName;
  readonly url: string;
}

/** The databases of `DATABASE_URLS`, which has no faults. */
export function databasesOf({ DATABASE_URLS }: Urls): readonly OutboxDatabase[] {
  return namedValues(DATABASE_URLS).flatMap(({ name, value: url }) => {
    const known = databaseOf(name);
    return known === undefined ? [] : [{ name: known, url }];
  });
}

function databaseOf(name: string): DatabaseName | undefined {
  return DATABASES.find((known) => known === name);
}

/** Whether each database has an account of its own in Kafka. */
export function hasAccounts(env: KafkaSettings): boolean {
  return PER_DATABASE.some((name) => env[name]?.includes(PLACEHOLDER));
}

/** The account with which the outbox of `database` is published. */
export function accountOf(env: KafkaSettings, database: string): KafkaSettings {
  const own = PER_DATABASE.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value.replaceAll(PLACEHOLDER, database)] as const];
  });
  return { ...env, ...Object.fromEntries(own) };
}
