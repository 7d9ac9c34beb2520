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
import type { Admin, NewTopic } from "../platform/kafka/admin.ts";

/**
 * Creates the topics that are missing and leaves the others alone. On fewer than three brokers there are fewer copies, and
 * one is enough to write: a development cluster must not stop for want of replicas it cannot have.
 */
export async function createTopics(
  admin: Admin,
): Promise<{ readonly created: readonly string[]; readonly existing: readonly string[] }> {
  const { brokers } = await admin.describeCluster();
  return admin.createTopics(topicLayout(brokers.length));
}

/** The topics as they should be on a cluster of so many brokers. */
export function topicLayout(brokers: number): NewTopic[] {
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
