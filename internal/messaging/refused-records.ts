// Finds the records that an outbox may not send (schemas/outbox-rules.ts) in the text of a batch, which is read as the producer reads
// it. Called by relay.ts and publisher.ts for every batch, so it cuts out nothing but topics and types.
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import type { OutboxRule } from "../../schemas/outbox-rules.ts";

/** The code of a refused event in `outbox_publish_failed_total`. */
export const REFUSED = "REFUSED";
/** An operator sees the first ones; the metric counts all. */
const MAX_NAMED = 10;
/** Names from a forged row are cut to this length. */
const MAX_NAME_LENGTH = 100;

export interface RefusedRecord {
  /** Position of the record in the text, from 0. */
  readonly index: number;
  readonly topic: string;
  readonly type: string;
}

/** Empty for every text that a service wrote. A record without its four fields is refused as well. */
export function refusedRecords(text: string, rule: OutboxRule): readonly RefusedRecord[] {
  const refused: RefusedRecord[] = [];
  let start = 0;
  for (let index = 0; start <= text.length; index += 1) {
    const next = text.indexOf(RECORD_SEPARATOR, start);
    const end = next < 0 ? text.length : next;
    const topicEnd = text.indexOf(FIELD_SEPARATOR, start);
    const keyEnd = topicEnd < 0 ? -1 : text.indexOf(FIELD_SEPARATOR, topicEnd + 1);
    const typeEnd = keyEnd < 0 ? -1 : text.indexOf(FIELD_SEPARATOR, keyEnd + 1);
    const isWhole = typeEnd >= 0 && typeEnd < end;
    const topic = isWhole ? text.slice(start, topicEnd) : "";
    const type = isWhole ? text.slice(keyEnd + 1, typeEnd) : "";
    if (!rule.maySend(topic, type)) refused.push({ index, topic, type });
    start = end + 1;
  }
  return refused;
}

/** The text without the refused records. */
export function withoutRefused(text: string, refused: readonly RefusedRecord[]): string {
  return kept(text.split(RECORD_SEPARATOR), refused).join(RECORD_SEPARATOR);
}

/** The items whose records stay. */
export function kept<T>(items: readonly T[], refused: readonly RefusedRecord[]): readonly T[] {
  const gone = new Set(refused.map(({ index }) => index));
  return items.filter((_, index) => !gone.has(index));
}

/** For a log line. */
export function namesOfRefused(refused: readonly RefusedRecord[], ids: readonly string[]): readonly string[] {
  const cut = (text: string) => text.slice(0, MAX_NAME_LENGTH);
  return refused
    .slice(0, MAX_NAMED)
    .map(({ index, topic, type }) => `${ids[index] ?? "?"} (${cut(type)} for ${cut(topic)})`);
}
