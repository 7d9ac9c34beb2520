// How many messages wait in Kafka for a member of a group. From what librdkafka knows by itself: the broker tells the end of a
// partition with every answer to a fetch, so nothing is asked. Called by consumer.ts at each scrape.
import type { KafkaConsumer } from "@confluentinc/kafka-javascript";
import type { TopicLag } from "../../messaging/telemetry.ts";

type Client = Pick<KafkaConsumer, "assignments" | "getWatermarkOffsets" | "isConnected" | "position">;

/**
 * By topic, over the partitions of this member. Messages of a batch in hand count as read. A partition of which no message was read
 * since its assignment counts as 0, which is too little while its messages are not read at all, for example because the first batch has
 * those of other partitions and its database is away. What waits there is the distance from the committed offset, and librdkafka has that
 * only from a request to the broker: the ends of an idle partition and of an unread one look the same from here.
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
