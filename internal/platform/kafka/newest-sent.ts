// Reads the newest message in each partition of the topics that only sagas write to. The orchestrator compares them with its own
// outbox (orchestrator/past-watch.ts).
import { TOPICS } from "../../../schemas/topics.ts";
import { decode } from "../../messaging/envelope.ts";
import type { KafkaOptions } from "./connection.ts";
import { readTopic } from "./read-topic.ts";

/** Messages read at the end of each partition. More than one, because a message produced by hand may be undecodable. */
const LAST = 20;
const WRITTEN_BY_SAGAS: readonly string[] = [TOPICS.commands, TOPICS.notifications];

/** Message ids, at most one per partition. Throws AppError KAFKA_UNAVAILABLE, KAFKA_TOPIC_MISSING. */
export async function newestSent(
  options: KafkaOptions,
  topics = WRITTEN_BY_SAGAS,
): Promise<readonly string[]> {
  const newest = new Map<string, { readonly offset: number; readonly id: string }>();
  for (const topic of topics) {
    const from = (_: number, { high }: { readonly high: number }) => high - LAST;
    for await (const batch of readTopic({ ...options, topic, from })) {
      for (const [index, value] of batch.values.entries()) {
        const decoded = decode(value);
        if (!decoded.ok) continue;
        const { partition, offset } = batch.raw(index);
        const place = `${topic} ${partition}`;
        if (offset >= (newest.get(place)?.offset ?? 0))
          newest.set(place, { offset, id: decoded.message.message_id });
      }
    }
  }
  return [...newest.values()].map(({ id }) => id);
}
