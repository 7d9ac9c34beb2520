// Opens databases and Kafka when a command needs them, and closes them afterwards. When a server does not answer, the error
// names the server and the setting with its address. The clients of Redis and of the providers take longer to load than everything else,
// so only a command that needs one loads it.
import type { Sql } from "postgres";
import type { DatabaseName, MigratedDatabase } from "../../schemas/migrations.ts";
import type { KnownProvider, ProviderRegistry } from "../../internal/services/payment/providers/registry.ts";
import { AppError } from "../../internal/kernel/errors.ts";
import type { OpenDatabases } from "../../internal/operations/reach.ts";
import { type Admin, openAdmin } from "../../internal/platform/kafka/admin.ts";
import { type KafkaOptions, kafkaOptions } from "../../internal/platform/kafka/connection.ts";
import { placeOf } from "../../internal/platform/postgres-address.ts";
import { openPostgres, type Postgres } from "../../internal/platform/postgres.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { RevocationStore } from "../../internal/platform/revocation-store.ts";
import { ownersOf } from "../../internal/platform/schema-owner-store.ts";
import { actorOf } from "./operator.ts";
import type { SettingName, Settings } from "./settings.ts";

export const DATABASE_SETTING: Record<MigratedDatabase, SettingName> = {
  saga: "SAGA_DATABASE_URL",
  inventory: "INVENTORY_DATABASE_URL",
  payment: "PAYMENT_DATABASE_URL",
  order: "ORDER_DATABASE_URL",
  notification: "NOTIFICATION_DATABASE_URL",
};
/** An audit reads long result sets through cursors; the services' limits are for small statements. */
const STATEMENT_TIMEOUT_MS = 120_000;
/** No request waits behind an operator's command, and an operator prefers a short wait to another try. */
const LOCK_TIMEOUT_MS = 5_000;
/** A role gives up after 50 ms; a person waits. */
const REDIS_TIMEOUT_MS = 5_000;

export class Connections implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #open = new AsyncDisposableStack();
  /** Those that answer. */
  readonly #postgres = new Map<MigratedDatabase, Promise<Postgres>>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Who acts, for the audit trail. Call it first, so that nothing is done for somebody who may not act. */
  actor(): Promise<string> {
    return actorOf(this.#settings);
  }

  /** The named database. Throws CONFIG_INVALID if it belongs to another service or has no tables. */
  async database(name: MigratedDatabase): Promise<Sql> {
    return (await this.postgres(name)).sql;
  }

  /** The same, with transactions. Opened once. */
  postgres(name: MigratedDatabase): Promise<Postgres> {
    const opened = this.#postgres.get(name) ?? this.#owned(name);
    this.#postgres.set(name, opened);
    // Asked again later, it may answer.
    opened.catch(() => this.#postgres.delete(name));
    return opened;
  }

  async #owned(name: MigratedDatabase): Promise<Postgres> {
    const postgres = await this.#found(name);
    const owners = await ownersOf(postgres.sql);
    if (owners.length === 1 && owners[0] === name) return postgres;
    const setting = DATABASE_SETTING[name];
    throw new AppError(
      "CONFIG_INVALID",
      owners.length === 0
        ? `the ${name} database at ${placeOf(this.#settings.need(setting))} has no tables: run checkoutctl migrate, or correct ${setting}`
        : `${setting} points to the database of ${owners.join(" and ")} at ${placeOf(this.#settings.need(setting))}: correct it`,
    );
  }

  /** The named database without these checks: `migrate` checks the owner itself. */
  async databaseToMigrate(name: MigratedDatabase): Promise<Sql> {
    return (await this.#found(name)).sql;
  }

  async #found(name: MigratedDatabase): Promise<Postgres> {
    const setting = DATABASE_SETTING[name];
    const url = this.#settings.need(setting);
    const postgres = this.#open.use(
      openPostgres({
        url,
        poolSize: 2,
        applicationName: "checkoutctl",
        plans: "fresh",
        acceptsStandby: true,
        timeouts: { statementMs: STATEMENT_TIMEOUT_MS, lockMs: LOCK_TIMEOUT_MS },
      }),
    );
    try {
      await postgres.ready();
    } catch (error) {
      if (error instanceof AppError && error.code === "CONFIG_INVALID") throw error;
      throw new AppError(
        "DATABASE_UNAVAILABLE",
        `the ${name} database does not answer at ${placeOf(url)}: start it, or correct ${setting}`,
        { cause: error },
      );
    }
    return postgres;
  }

  /** The four databases that a saga uses. */
  async databases(): Promise<Record<DatabaseName, Sql>> {
    const [saga, inventory, payment, order] = await Promise.all([
      this.database("saga"),
      this.database("inventory"),
      this.database("payment"),
      this.database("order"),
    ]);
    return { saga, inventory, payment, order };
  }

  /** The same, each opened when it is needed: a question to one database works while another is away. */
  opening(): OpenDatabases {
    return {
      saga: () => this.database("saga"),
      inventory: () => this.database("inventory"),
      payment: () => this.database("payment"),
      order: () => this.database("order"),
    };
  }

  async admin(): Promise<Admin> {
    const options = this.kafka();
    try {
      return this.#open.use(await openAdmin(options));
    } catch (error) {
      // It answers: the error says what it refuses.
      if (error instanceof AppError && error.code === "KAFKA_DENIED") throw error;
      throw new AppError(
        "KAFKA_UNAVAILABLE",
        `Kafka does not answer at ${options.brokers}: start it, or correct KAFKA_BROKERS`,
        { cause: error },
      );
    }
  }

  /** The list of revoked sessions. */
  async revocations(): Promise<RevocationStore> {
    const url = this.#settings.need("REDIS_URL");
    const log = { info: () => undefined, warn: () => undefined };
    const { openRedis } = await import("../../internal/platform/redis.ts");
    const sentinels = this.#settings.optional("REDIS_SENTINELS");
    const redis = this.#open.use(openRedis({ url, sentinels, timeoutMs: REDIS_TIMEOUT_MS, log }));
    await redis.requireSingleServer();
    try {
      await redis.ready();
    } catch (cause) {
      const way =
        sentinels === undefined
          ? `Redis does not answer at ${new URL(url).host}: start it, or correct REDIS_URL`
          : "the Sentinels lead to no Redis that answers: see checkoutctl doctor, or correct REDIS_SENTINELS or REDIS_URL";
      throw new AppError("REDIS_UNAVAILABLE", way, { cause });
    }
    return new RevocationStore(redis, systemClock);
  }

  /** For looking up charges. */
  async providers(): Promise<ProviderRegistry<KnownProvider>> {
    const { knownProviders } = await import("./providers.ts");
    return knownProviders(this.#settings);
  }

  kafka(): KafkaOptions {
    return kafkaOptions(this.#settings.kafka(), "checkoutctl");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#open.disposeAsync();
  }
}
