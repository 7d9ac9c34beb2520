// The notification service's Kafka clients. It consumes without an inbox transaction and produces its dead letters itself.
import { consumedTypes } from "../../internal/messaging/delivery.ts";
import { consumerLag } from "../../internal/messaging/telemetry.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { watchAccess } from "../../internal/platform/kafka/watch-access.ts";
import { kafkaOptions } from "../../internal/platform/kafka/connection.ts";
import { logEvents } from "../../internal/platform/kafka/log-events.ts";
import { openReconnectingConsumer } from "../../internal/platform/kafka/reconnecting-consumer.ts";
import { openReconnectingProducer } from "../../internal/platform/kafka/reconnecting-producer.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { NOTIFICATIONS } from "../../internal/services/notification/notifications.ts";
import { DEAD_LETTER_MAX_BYTES } from "../../schemas/topics.ts";
import type { NotificationConfig } from "./config.ts";

export async function openKafka({
  config,
  log,
  metrics,
  ops,
  resources,
  untilReachable,
}: RoleContext<NotificationConfig>) {
  const { service: groupId, topics } = NOTIFICATIONS;
  const options = {
    ...kafkaOptions(config, NOTIFICATIONS.service),
    onEvent: logEvents(log, "consumer and producer", systemClock),
  };
  const producer = resources.use(
    "kafka producer",
    await untilReachable("Kafka (KAFKA_BROKERS)", () =>
      openReconnectingProducer({ ...options, settings: { "message.max.bytes": DEAD_LETTER_MAX_BYTES } }),
    ),
  );
  const consumer = resources.use(
    "kafka consumer",
    await untilReachable("Kafka (KAFKA_BROKERS)", () =>
      openReconnectingConsumer({
        ...options,
        groupId,
        instanceId: config.INSTANCE_ID,
        topics,
        types: consumedTypes(NOTIFICATIONS),
      }),
    ),
  );
  watchAccess({ ops, metrics }, "the consumer", () => consumer.denied());
  consumerLag(metrics, NOTIFICATIONS.service, () => consumer.lag());
  return { producer, consumer };
}
