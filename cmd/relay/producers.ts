// The relay's Kafka clients: one for each database that has an account of its own, so that nothing in one service's outbox can go where only
// another service may write; otherwise one for all.
import type { BatchProducer } from "../../internal/kernel/ports.ts";
import { RELAY_DELIVERY_TIMEOUT_MS } from "../../internal/messaging/relay.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { kafkaOptions, type KafkaSettings } from "../../internal/platform/kafka/connection.ts";
import { logEvents } from "../../internal/platform/kafka/log-events.ts";
import { openReconnectingProducer } from "../../internal/platform/kafka/reconnecting-producer.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { DEAD_LETTER_MAX_BYTES } from "../../schemas/topics.ts";
import { accountOf, hasAccounts, type OutboxDatabase } from "./config.ts";

export const NAME = "checkout-relay";

interface DatabaseWithProducer extends OutboxDatabase {
  readonly producer: BatchProducer;
}

/** Waits for all of them. Returns `databases`, each with its producer. */
export async function openProducers(
  context: RoleContext<KafkaSettings>,
  databases: readonly OutboxDatabase[],
): Promise<readonly DatabaseWithProducer[]> {
  const { config: env, log } = context;
  if (!hasAccounts(env)) {
    const { account } = kafkaOptions(env, NAME).security;
    if (account !== null && databases.length > 1)
      log.warn(
        { account, databases: databases.map(({ name }) => name) },
        "one Kafka account publishes several outboxes, so a forged event of one service can pass for another's: put {database} into its settings, or run a relay per database",
      );
    const producer = await open(context, env, "the producer");
    return databases.map((database) => ({ ...database, producer }));
  }
  return Promise.all(
    databases.map(async (database) => {
      const { name } = database;
      return { ...database, producer: await open(context, accountOf(env, name), `the producer of ${name}`) };
    }),
  );
}

async function open(
  { log, resources, untilReachable }: RoleContext<unknown>,
  settings: KafkaSettings,
  what: string,
): Promise<BatchProducer> {
  return resources.use(
    `kafka: ${what}`,
    await untilReachable("Kafka (KAFKA_BROKERS)", () =>
      openReconnectingProducer({
        ...kafkaOptions(settings, NAME),
        onEvent: logEvents(log, what, systemClock),
        deliveryTimeoutMs: RELAY_DELIVERY_TIMEOUT_MS,
        settings: { "message.max.bytes": DEAD_LETTER_MAX_BYTES },
      }),
    ),
  );
}
