// Starts the relay, which publishes the outboxes of the configured databases to Kafka. Wiring only.
import { PUBLISHER_GRACE_MS } from "../../internal/messaging/publisher.ts";
import { RELAY_DELIVERY_TIMEOUT_MS } from "../../internal/messaging/relay.ts";
import { relayMetrics } from "../../internal/messaging/telemetry.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { kafkaOptions } from "../../internal/platform/kafka/connection.ts";
import { logEvents } from "../../internal/platform/kafka/log-events.ts";
import { openReconnectingProducer } from "../../internal/platform/kafka/reconnecting-producer.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { DEAD_LETTER_MAX_BYTES } from "../../schemas/topics.ts";
import { config, databasesOf, faultsOf } from "./config.ts";
import { startDraining } from "./draining.ts";

const NAME = "checkout-relay";

await runRole({
  name: NAME,
  description: "Publishes the messages in the services' outboxes to Kafka.",
  config,
  faults: faultsOf,
  async start(context) {
    const { config: env, log, metrics, tracer, resources, untilReachable } = context;
    const producer = resources.use(
      "kafka producer",
      await untilReachable("Kafka (KAFKA_BROKERS)", () =>
        openReconnectingProducer({
          ...kafkaOptions(env, NAME),
          onEvent: logEvents(log, "the producer", systemClock),
          deliveryTimeoutMs: RELAY_DELIVERY_TIMEOUT_MS,
          settings: { "message.max.bytes": DEAD_LETTER_MAX_BYTES },
        }),
      ),
    );
    const options = {
      producer,
      clock: systemClock,
      metrics: relayMetrics(metrics),
      log,
      tracer,
      graceMs: PUBLISHER_GRACE_MS,
    };
    for (const database of databasesOf(env)) startDraining(context, database, options);
  },
});
