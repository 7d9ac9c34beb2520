// Waits until a consumer group has a coordinator that answers. Called when the topics are created, so that no role has to.
//
// The first question for any coordinator makes Kafka create the topic of all groups' offsets, and until that is loaded the
// coordinator refuses. librdkafka sits out 2 to 3 s for each JoinGroup that is refused; this question can be
// repeated at once.

import type { TopicPartitionOffsetAndMetadata } from "@confluentinc/kafka-javascript";

import { call, DEFAULT_CONNECT_TIMEOUT_MS, type KafkaOptions, untilAnswered } from "./connection.ts";
import { connect } from "./consumer.ts";

/**
 * Asks for a committed offset as a consumer that joins nothing. Not as an admin client: librdkafka 2.15.1 crashes, and the
 * process with it, when a coordinator refuses one (confluentinc/confluent-kafka-javascript#374). Throws AppError
 * KAFKA_UNAVAILABLE when the coordinator does not come to answer; `topic` must exist.
 */
export async function untilCoordinated(options: KafkaOptions, groupId: string, topic: string): Promise<void> {
  const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const { client } = await connect(options, { "group.id": groupId });
  const ask = () =>
    call<TopicPartitionOffsetAndMetadata[]>(`group ${groupId} has no coordinator`, (done) =>
      client.committed([{ topic, partition: 0 }], timeoutMs, done),
    );
  try {
    await untilAnswered(timeoutMs, ask);
  } finally {
    await call<unknown>("disconnecting", (done) => client.disconnect(done));
  }
}
