// Reads the newest messages in each partition of the topics that only one database writes to. Its service compares them with its own
// outbox (messaging/past-watch.ts).
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { isStray, OUTBOX_TOPICS } from "../../../schemas/outbox-rules.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { decode } from "../../messaging/envelope.ts";
import type { KafkaOptions } from "./connection.ts";
import { readTopic } from "./read-topic.ts";

/**
 * Messages read at the end of each partition. Not only the last one: after a failover the orchestrator handles events for up to a second
 * before it compares, and what it sends then would hide what the standby lacks. 600 messages a second are 40 in a partition.
 */
const LAST = 100;

/** The topics that no other outbox writes to: all may write dead letters. */
export const ownTopics = (database: DatabaseName): readonly string[] =>
  OUTBOX_TOPICS[database].filter((topic) => topic !== TOPICS.deadLetters);

/** Message ids, at most LAST per partition of each topic. Throws AppError KAFKA_UNAVAILABLE, KAFKA_TOPIC_MISSING. */
export async function newestSent(
  options: KafkaOptions,
  topics: readonly string[],
): Promise<readonly string[]> {
  const newest = new Set<string>();
  for (const topic of topics) {
    const from = (_: number, { high }: { readonly high: number }) => high - LAST;
    for await (const { values } of readTopic({ ...options, topic, from })) {
      for (const value of values) {
        const decoded = decode(value);
        // A message produced by hand may be undecodable, or have a type that the outbox of this topic does not send.
        if (decoded.ok && !isStray(decoded.message.type, topic)) newest.add(decoded.message.message_id);
      }
    }
  }
  return [...newest];
}
