// Records that no outbox has, each with its dead letters: the message processor dead-letters what is no message of ours, and an operator
// may have discarded that. A dead letter belongs to a record only if place and bytes are the same, because a topic that was created anew
// counts from 0 again. Used by messages.ts.
import { createHash } from "node:crypto";
import type { Sql } from "postgres";
import { type Topic, TOPICS } from "../../schemas/topics.ts";
import type { StrayRecord } from "./facts.ts";
import type { RawRecord } from "./sources.ts";
import * as store from "./store.ts";
import { isUuid } from "./uuid.ts";

interface StrangeRecord extends Omit<StrayRecord, "deadLetters"> {
  readonly key: string;
}

export class StrangeRecords {
  readonly records: StrangeRecord[] = [];
  /** Ids of dead letters by the key of their record. */
  readonly #deadLetters = new Map<string, Set<string>>();

  add(topic: Topic, record: RawRecord, id: string | null, saga_id: string | null): void {
    const { partition, offset, value } = record;
    const key = keyOf(topic, partition, offset, value);
    this.records.push({ topic, partition, offset, id: id !== null && isUuid(id) ? id : null, saga_id, key });
  }

  addDeadLetter(id: string, deadLetter: unknown): void {
    const original = field(deadLetter, "original");
    const [topic, partition, offset] = ["topic", "partition", "offset"].map((name) => field(original, name));
    const text = field(original, "value_base64");
    const value = typeof text === "string" ? Buffer.from(text, "base64") : null;
    const key = keyOf(String(topic), Number(partition), Number(offset), value);
    this.#deadLetters.set(key, (this.#deadLetters.get(key) ?? new Set()).add(id));
  }

  /** `saga` is the database with the audit trail. A dead letter that is in no outbox itself says nothing about other records. */
  async withDeadLetters(strays: readonly StrangeRecord[], saga: Sql): Promise<readonly StrayRecord[]> {
    const forged = new Set(strays.flatMap(({ topic, id }) => (topic === TOPICS.deadLetters ? [id] : [])));
    const idsOf = ({ key }: StrangeRecord) =>
      [...(this.#deadLetters.get(key) ?? [])].filter((id) => isUuid(id) && !forged.has(id));
    const discards = await store.discards(saga, strays.flatMap(idsOf));
    return strays.map(({ key, ...stray }) => ({
      ...stray,
      deadLetters: idsOf({ key, ...stray }).map((dead_letter_id) => ({
        dead_letter_id,
        discard: discards.get(dead_letter_id) ?? null,
      })),
    }));
  }
}

export function textField(value: unknown, name: string): string | null {
  const found = field(value, name);
  return typeof found === "string" ? found : null;
}

export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** The bytes as their hash, so that memory does not hold them. */
function keyOf(topic: string, partition: number, offset: number, value: Uint8Array | null): string {
  const hash = value === null ? "null" : createHash("sha256").update(value).digest("hex");
  return `${topic}-${partition}-${offset}-${hash}`;
}
