// The six topics and their layout. The key is always saga_id, so the messages of one saga share a partition.

export const TOPICS = {
  commands: "checkout-commands",
  inventoryEvents: "inventory-events",
  paymentEvents: "payment-events",
  orderEvents: "order-events",
  notifications: "notification-commands",
  deadLetters: "checkout-dlq",
} as const;

export type Topic = (typeof TOPICS)[keyof typeof TOPICS];

/** The topics that each service reads. Its consumer group has its name. */
export const SUBSCRIPTIONS = {
  orchestrator: [TOPICS.inventoryEvents, TOPICS.paymentEvents, TOPICS.orderEvents],
  inventory: [TOPICS.commands],
  payment: [TOPICS.commands],
  order: [TOPICS.commands],
  notification: [TOPICS.notifications],
} as const;

export const PARTITIONS_PER_TOPIC = 16;
/** With three brokers every message is on three disks, and a write is acknowledged when two have it. */
export const REPLICATION_FACTOR = 3;
export const MIN_INSYNC_REPLICAS = 2;
/** Kafka keeps messages this long; inbox rows must be kept longer. */
export const TOPIC_RETENTION_MS = 3 * 24 * 60 * 60 * 1_000;
/**
 * Kafka deletes a topic file as a whole, when its newest message is old enough. By default it starts a new file after a week, so on a
 * quiet topic messages, and the addresses in them, stayed that much longer.
 */
export const SEGMENT_MS = 24 * 60 * 60 * 1_000;
/** Longer, because dead letters wait for an operator. */
export const DEAD_LETTER_RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;
/**
 * The largest batch that a topic accepts (`max.message.bytes`). This is Kafka's default; it is set explicitly, because a cluster may
 * have another. The producers' batches are at most 1,000,000 bytes.
 */
export const MESSAGE_MAX_BYTES = 1_048_588;
/**
 * A dead letter contains its message as base64 and the failure details, so `checkout-dlq` accepts larger messages than the other
 * topics. Sets `max.message.bytes` there and the relay's limit.
 */
export const DEAD_LETTER_MAX_BYTES = 2 * 1_024 * 1_024;
