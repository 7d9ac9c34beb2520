// Lets a role publish its own events right after their commit. Called by consuming-role.ts.
import type { DatabaseName } from "../../schemas/migrations.ts";
import { outboxRule } from "../../schemas/outbox-rules.ts";
import type { Database } from "../messaging/database.ts";
import { Publisher, publishing } from "../messaging/publisher.ts";
import { publisherMetrics } from "../messaging/telemetry.ts";
import { kafkaOptions, type KafkaSettings } from "./kafka/connection.ts";
import { watchAccess } from "./kafka/watch-access.ts";
import { logEvents } from "./kafka/log-events.ts";
import { openReconnectingProducer } from "./kafka/reconnecting-producer.ts";
import type { RoleContext } from "./lifecycle.ts";
import { systemClock } from "./clock.ts";

/** After this the relay publishes the event. */
const DELIVERY_TIMEOUT_MS = 5_000;
/** Time to flush when the role stops. */
const FLUSH_TIMEOUT_MS = 500;

export interface PublishingSettings extends KafkaSettings {
  readonly PUBLISH_AFTER_COMMIT: boolean;
}

/**
 * Wraps `database` so that events are published right after the commit; unchanged if the settings leave that to the relay. Does not
 * wait for Kafka: until Kafka answers, the relay publishes all events. Call it before opening anything that writes, so that it is
 * closed after it.
 */
export function publishAfterCommit(
  database: Database,
  databaseName: DatabaseName,
  { config, log, metrics, ops, tracer, resources, stopping, untilReachable }: RoleContext<PublishingSettings>,
): Database {
  if (!config.PUBLISH_AFTER_COMMIT) return database;
  const publisher = resources.use(
    "publisher",
    new Publisher({
      database,
      databaseName,
      rule: outboxRule(databaseName),
      metrics: publisherMetrics(metrics),
      log,
      tracer,
    }),
  );
  // Not required: the relay publishes what this role may not, later.
  watchAccess({ ops, metrics }, "the producer", () => publisher.denied(), { isRequired: false });
  const open = () =>
    openReconnectingProducer({
      ...kafkaOptions(config, `checkout-${databaseName}`),
      onEvent: logEvents(log, "the producer", systemClock),
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      flushTimeoutMs: FLUSH_TIMEOUT_MS,
    });
  untilReachable("Kafka (KAFKA_BROKERS), to publish", open).then(
    (producer) => publisher.publishWith(producer),
    (error: unknown) => {
      // An error that a retry cannot fix ends the process.
      if (!stopping.aborted) throw error;
    },
  );
  return publishing(database, publisher);
}
