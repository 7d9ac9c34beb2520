// Waits until a consumer group's coordinator answers. Called after the topics are created, so that no role has to wait.
//
// The first request for any coordinator makes Kafka create the topic of all groups' offsets, and the coordinator refuses until that
// topic is loaded. librdkafka waits 2 to 3 s after each refused JoinGroup; this query can be repeated at once.

import type { TopicPartitionOffsetAndMetadata } from "@confluentinc/kafka-javascript";

import { DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions, untilAnswered } from "./connection.ts";
import { connect } from "./consumer.ts";

/**
 * Queries a committed offset with a consumer that joins no group. Not with an admin client: librdkafka 2.15.1 crashes the process
 * when a coordinator refuses one (confluentinc/confluent-kafka-javascript#374). Throws AppError KAFKA_UNAVAILABLE if the
 * coordinator does not answer in time. `topic` must exist.
 */
export async function untilCoordinated(options: KafkaOptions, groupId: string, topic: string): Promise<void> {
  const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const { client, ask } = await connect(options, { "group.id": groupId });
  const committed = () =>
    ask<TopicPartitionOffsetAndMetadata[]>(`group ${groupId} has no coordinator`, (done) =>
      client.committed([{ topic, partition: 0 }], timeoutMs, done),
    );
  try {
    await untilAnswered(timeoutMs, committed);
  } finally {
    await ask<unknown>("disconnecting", (done) => client.disconnect(done));
  }
}
