// Shared wiring of every role with a database and a message handler: the message processor, its retries, and the retention of
// inbox and outbox. Called by cmd/orchestrator, inventory, payment and order.
import { type DatabaseName, type MigratedDatabase, migrations } from "../../schemas/migrations.ts";
import type { MessageType } from "../../schemas/registry.ts";
import type { Database } from "../messaging/database.ts";
import { consumedTypes } from "../messaging/delivery.ts";
import type { Handler } from "../messaging/handler.ts";
import { type PersonalDataOptions, PersonalDataRetention } from "../messaging/personal-data.ts";
import { MessageProcessor } from "../messaging/message-processor.ts";
import { cautiousNow, Retention } from "../messaging/retention.ts";
import { RetryLoop } from "../messaging/retry.ts";
import { consumerLag, consumerMetrics } from "../messaging/telemetry.ts";
import { runLoop } from "./background-loop.ts";
import { newId, systemClock } from "./clock.ts";
import { kafkaOptions, type KafkaSettings } from "./kafka/connection.ts";
import { watchAccess } from "./kafka/watch-access.ts";
import { logEvents } from "./kafka/log-events.ts";
import { openReconnectingConsumer } from "./kafka/reconnecting-consumer.ts";
import type { RoleContext } from "./lifecycle.ts";
import { poolMetrics } from "./pool-metrics.ts";
import { openPostgres } from "./postgres.ts";
import { openRedis, redisOf } from "./redis.ts";
import { publishAfterCommit, type PublishingSettings } from "./publishing.ts";
import { requireSchema, sayIfOwner } from "./schema-check.ts";
import { watchRedis } from "./watch-redis.ts";
import { watchRefusals } from "./watch-refusals.ts";
import { watchRights } from "./watch-rights.ts";

const RETRY_INTERVAL_MS = 200;
/** Finds retries that another process scheduled; our own wake the loop. */
const IDLE_RETRY_INTERVAL_MS = 2_000;
const RETENTION_INTERVAL_MS = 60 * 60 * 1_000;

/** The settings that `startConsuming` and `openDatabase` read. config.ts declares them. */
export interface DatabaseSettings {
  readonly DATABASE_URL: string;
  readonly DATABASE_POOL_SIZE: number;
}
export interface ConsumingSettings extends KafkaSettings {
  readonly INSTANCE_ID?: string;
  readonly REDIS_URL: string;
  readonly REDIS_SENTINELS?: string;
}

/** Opens the database of `service`. Waits until it answers, belongs to that service and has all its tables. */
export async function openDatabase(
  name: string,
  service: MigratedDatabase,
  context: RoleContext<DatabaseSettings>,
): Promise<Database> {
  const { config, log, metrics, resources, ops, untilReachable } = context;
  const database = resources.use(
    "postgres",
    openPostgres({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL_SIZE, applicationName: name }),
  );
  poolMetrics(metrics, service, () => database.transactionLoad);
  ops.addCheck("postgres", () => database.ready());
  watchRefusals(context, service, () => database.denied());
  await untilReachable("Postgres (DATABASE_URL)", () => database.ready());
  const schema = { owner: service, migrations: migrations[service] };
  ops.addCheck("schema", () => requireSchema(database.sql, schema));
  await untilReachable(`the tables of ${service} (DATABASE_URL)`, () => requireSchema(database.sql, schema));
  await sayIfOwner(database.sql, log, service);
  watchRights(context, { sql: database.sql, database: service, role: "app" });
  return database;
}

/** The same, and events are published right after their commit, unless the settings leave that to the relay. */
export async function openPublishingDatabase(
  name: string,
  service: DatabaseName,
  context: RoleContext<DatabaseSettings & PublishingSettings>,
): Promise<Database> {
  return publishAfterCommit(await openDatabase(name, service, context), service, context);
}

/** Erases the personal data of rows older than `days`, now and every hour, until the role stops. */
export function startErasing(
  context: Pick<RoleContext<unknown>, "resources" | "log">,
  database: Database,
  options: Pick<PersonalDataOptions, "days" | "erase">,
): void {
  const now = () => cautiousNow(database.sql, systemClock);
  const retention = new PersonalDataRetention({ sql: database.sql, now, ...options });
  runLoop(context, {
    name: "personal data",
    runOnce: () => retention.runOnce(),
    intervalMs: RETENTION_INTERVAL_MS,
  });
}

/** Joins the handler's consumer group. Runs the message processor, its retries and the retention until the role stops. */
export async function startConsuming<Type extends MessageType, Rows>(
  context: RoleContext<ConsumingSettings>,
  database: Database,
  handler: Handler<Type, Rows>,
): Promise<void> {
  const { config, log, metrics, tracer, resources, stopping, untilReachable } = context;
  const keyValue = resources.use("redis", openRedis({ ...redisOf(config), log, metrics }));
  watchRedis(context, keyValue);
  await keyValue.requireSingleServer();
  const consumer = resources.use(
    "kafka consumer",
    await untilReachable("Kafka (KAFKA_BROKERS)", () =>
      openReconnectingConsumer({
        ...kafkaOptions(config, handler.service),
        groupId: handler.service,
        instanceId: config.INSTANCE_ID,
        topics: handler.topics,
        types: consumedTypes(handler),
        onEvent: logEvents(log, "the consumer", systemClock),
      }),
    ),
  );
  consumerLag(metrics, handler.service, () => consumer.lag());
  watchAccess(context, "the consumer", () => consumer.denied());
  const shared = {
    handler,
    database,
    keyValue,
    clock: systemClock,
    newId,
    random: Math.random,
    metrics: consumerMetrics(metrics),
    log,
    tracer,
  };
  const retries = new RetryLoop(shared);
  const retention = new Retention({
    database,
    now: () => cautiousNow(database.sql, systemClock),
    log,
    onUndropped: (days) => shared.metrics.undropped.set({ service: handler.service }, days),
  });
  const retrying = runLoop(context, {
    name: "retry",
    runOnce: () => retries.runOnce(),
    intervalMs: RETRY_INTERVAL_MS,
    idleIntervalMs: IDLE_RETRY_INTERVAL_MS,
    restPerRun: 4,
  });
  runLoop(context, {
    name: "retention",
    runOnce: () => retention.runOnce(),
    intervalMs: RETENTION_INTERVAL_MS,
  });
  // Not awaited: it runs until the role stops. A rejection is unhandled and ends the process.
  const running = new MessageProcessor({ ...shared, consumer, onRetryScheduled: () => retrying.wake() }).run(
    stopping,
  );
  resources.defer("message processor", () => running);
}
