// Reads the newest messages in each partition of the topics that only sagas write to. The orchestrator compares them with its own
// outbox (orchestrator/past-watch.ts).
import { TOPICS } from "../../../schemas/topics.ts";
import { decode } from "../../messaging/envelope.ts";
import type { KafkaOptions } from "./connection.ts";
import { readTopic } from "./read-topic.ts";

/**
 * Messages read at the end of each partition. Not only the last one: after a failover the orchestrator handles events for up to a second
 * before it compares, and what it sends then would hide what the standby lacks. 600 messages a second are 40 in a partition.
 */
const LAST = 100;
const WRITTEN_BY_SAGAS: readonly string[] = [TOPICS.commands, TOPICS.notifications];

/** Message ids, at most LAST per partition. Throws AppError KAFKA_UNAVAILABLE, KAFKA_TOPIC_MISSING. */
export async function newestSent(
  options: KafkaOptions,
  topics = WRITTEN_BY_SAGAS,
): Promise<readonly string[]> {
  const newest = new Set<string>();
  for (const topic of topics) {
    const from = (_: number, { high }: { readonly high: number }) => high - LAST;
    for await (const { values } of readTopic({ ...options, topic, from })) {
      for (const value of values) {
        const decoded = decode(value);
        // A message produced by hand may be undecodable.
        if (decoded.ok) newest.add(decoded.message.message_id);
      }
    }
  }
  return [...newest];
}
