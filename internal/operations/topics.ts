// Lays the six topics out on whatever cluster there is. Called by `checkoutctl topics create`.
import {
  DEAD_LETTER_MAX_BYTES,
  DEAD_LETTER_RETENTION_MS,
  MIN_INSYNC_REPLICAS,
  PARTITIONS_PER_TOPIC,
  REPLICATION_FACTOR,
  TOPIC_RETENTION_MS,
  TOPICS,
} from "../../schemas/topics.ts";
import { AppError } from "../kernel/errors.ts";

export interface TopicLayout {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/** The part of a Kafka admin client that this needs. */
export interface TopicAdmin {
  describeCluster(): Promise<{ readonly brokers: readonly unknown[] }>;
  createTopics(
    topics: readonly TopicLayout[],
  ): Promise<{ readonly created: readonly string[]; readonly existing: readonly string[] }>;
  /** A partition without a leader names -1. */
  describeTopics(): Promise<
    readonly { readonly topic: string; readonly partitions: readonly { readonly leader: number }[] }[]
  >;
}

/** Each service reads as the group of its name. */
const CONSUMER_GROUPS = ["orchestrator", "inventory", "payment", "order", "notification"] as const;

const USABLE_TIMEOUT_MS = 15_000;
const USABLE_POLL_MS = 50;

/**
 * Creates the topics that are missing and leaves the others alone. On fewer than three brokers there are fewer copies, and
 * one is enough to write: a development cluster must not stop for want of replicas it cannot have. `untilCoordinated` waits
 * for a consumer group's coordinator: on a fresh cluster the first members would be sent away, and stand idle for seconds.
 */
export async function createTopics(
  admin: TopicAdmin,
  untilCoordinated: (group: string) => Promise<void>,
): Promise<{ readonly created: readonly string[]; readonly existing: readonly string[] }> {
  const { brokers } = await admin.describeCluster();
  const result = await admin.createTopics(topicLayout(brokers.length));
  await untilUsable(admin);
  await Promise.all(CONSUMER_GROUPS.map(untilCoordinated));
  return result;
}

/** A broker answers "created" up to a second before it knows the topic itself; the roles would start into that gap. */
async function untilUsable(admin: TopicAdmin): Promise<void> {
  const deadline = Date.now() + USABLE_TIMEOUT_MS;
  for (;;) {
    const known = new Map((await admin.describeTopics()).map((one) => [one.topic, one.partitions]));
    const waiting = Object.values(TOPICS).filter(
      (topic) => known.get(topic)?.every(({ leader }) => leader !== -1) !== true,
    );
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      throw new AppError("KAFKA_UNAVAILABLE", `the brokers do not serve ${waiting.join(", ")} yet`);
    }
    await Bun.sleep(USABLE_POLL_MS);
  }
}

/** The topics as they should be on a cluster of so many brokers. */
export function topicLayout(brokers: number): TopicLayout[] {
  const replicationFactor = Math.min(REPLICATION_FACTOR, brokers);
  const minInSync = replicationFactor === REPLICATION_FACTOR ? MIN_INSYNC_REPLICAS : 1;
  return Object.values(TOPICS).map((topic) => {
    const isDeadLetters = topic === TOPICS.deadLetters;
    return {
      topic,
      partitions: PARTITIONS_PER_TOPIC,
      replicationFactor,
      config: {
        "min.insync.replicas": String(minInSync),
        "retention.ms": String(isDeadLetters ? DEAD_LETTER_RETENTION_MS : TOPIC_RETENTION_MS),
        ...(isDeadLetters ? { "max.message.bytes": String(DEAD_LETTER_MAX_BYTES) } : {}),
      },
    };
  });
}
