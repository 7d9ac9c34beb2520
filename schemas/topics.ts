// The six topics and how they are laid out. Key = saga_id everywhere, so one saga's messages share a partition.

export const TOPICS = {
  commands: "checkout-commands",
  inventoryEvents: "inventory-events",
  paymentEvents: "payment-events",
  orderEvents: "order-events",
  notifications: "notification-commands",
  deadLetters: "checkout-dlq",
} as const;

export type Topic = (typeof TOPICS)[keyof typeof TOPICS];

export const PARTITIONS_PER_TOPIC = 16;
/** With three brokers: every message on three disks, written once two have it. */
export const REPLICATION_FACTOR = 3;
export const MIN_INSYNC_REPLICAS = 2;
/** Kafka keeps messages this long; inbox rows must outlive it. */
export const TOPIC_RETENTION_MS = 3 * 24 * 60 * 60 * 1_000;
/**
 * A file of a topic is dropped as a whole, when its newest message is old enough. Kafka starts a new file after a week unless told
 * otherwise, so on a quiet topic messages, and the addresses in them, stayed for that much longer.
 */
export const SEGMENT_MS = 24 * 60 * 60 * 1_000;
/** Dead letters wait for a person. */
export const DEAD_LETTER_RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;
/**
 * The largest batch that a topic takes (`max.message.bytes`; Kafka's default, set all the same, because a cluster may have
 * another). The producers' batches, 1,000,000 bytes at most, stay below it.
 */
export const MESSAGE_MAX_BYTES = 1_048_588;
/**
 * A dead letter holds its message as base64 beside the account of what happened, so `checkout-dlq` takes more than a message of
 * the other topics may have. Sets `max.message.bytes` there and the relay's own limit.
 */
export const DEAD_LETTER_MAX_BYTES = 2 * 1_024 * 1_024;
