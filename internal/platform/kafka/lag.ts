// How many messages wait in Kafka for a member of a group. From what librdkafka knows by itself: the broker tells the end of a
// partition with every answer to a fetch, so nothing is asked. Called by consumer.ts at each scrape.
import type { KafkaConsumer } from "@confluentinc/kafka-javascript";
import type { TopicLag } from "../../messaging/telemetry.ts";

type Client = Pick<KafkaConsumer, "assignments" | "getWatermarkOffsets" | "isConnected" | "position">;

/**
 * By topic, over the partitions of this member. A partition of which no message was read since its assignment counts as 0: either
 * none waits, or the first one arrives in a moment. Messages of a batch in hand count as read.
 */
export function lagOf(client: Client): readonly TopicLag[] {
  if (!client.isConnected()) return [];
  const messages = new Map<string, number>();
  for (const { topic, partition, offset } of client.position(client.assignments())) {
    // Logical offsets, such as "not known", are negative.
    const isKnown = typeof offset === "number" && offset >= 0;
    const unread = isKnown ? client.getWatermarkOffsets(topic, partition).highOffset - offset : 0;
    messages.set(topic, (messages.get(topic) ?? 0) + Math.max(0, unread));
  }
  return [...messages].map(([topic, count]) => ({ topic, messages: count }));
}
