// How a role publishes by itself what it has written. Called by cmd/orchestrator, inventory, payment and order.
import type { Database } from "../messaging/database.ts";
import { Publisher, publishing } from "../messaging/publisher.ts";
import { publisherMetrics } from "../messaging/telemetry.ts";
import { kafkaOptions } from "./kafka/connection.ts";
import { logEvents } from "./kafka/log-events.ts";
import { openReconnectingProducer } from "./kafka/reconnecting-producer.ts";
import type { RoleContext } from "./lifecycle.ts";
import { systemClock } from "./clock.ts";

/** What is not in the log by then is the relay's. */
const DELIVERY_TIMEOUT_MS = 5_000;
/** When the role stops. */
const FLUSH_TIMEOUT_MS = 500;

export interface PublishingSettings {
  readonly KAFKA_BROKERS: string;
  readonly PUBLISH_AFTER_COMMIT: boolean;
}

/**
 * `database` with transactions whose events are published right after the commit; as it is where the settings leave that to the
 * relay. Waits for nobody: until Kafka answers the relay has them all. Register before whatever writes, so that it is closed after it.
 */
export function publishAfterCommit(
  database: Database,
  databaseName: string,
  { config, log, metrics, resources, stopping, untilReachable }: RoleContext<PublishingSettings>,
): Database {
  if (!config.PUBLISH_AFTER_COMMIT) return database;
  const publisher = resources.use(
    "publisher",
    new Publisher({ database, databaseName, metrics: publisherMetrics(metrics), log }),
  );
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
      // What waiting cannot cure ends the process.
      if (!stopping.aborted) throw error;
    },
  );
  return publishing(database, publisher);
}
