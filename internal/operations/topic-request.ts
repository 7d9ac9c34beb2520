// Which messages of a topic somebody wants to see: of a saga, from a time or from an offset on, or the newest. Pure. Called by the console,
// whose address has these fields, and by `checkoutctl topics read`, whose options are called the same.
import { isSagaId } from "../messaging/partition-of.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { instantOf } from "./saga-query.ts";

/** Offset by partition. */
export type Places = ReadonlyMap<number, number>;

export interface TopicRequest {
  /** Only messages of this saga. They are all in one partition. */
  readonly sagaId: string | null;
  /** Only this partition. */
  readonly partition: number | null;
  /** From this time on (epoch ms). */
  readonly at: number | null;
  /** From this offset of the partition on. */
  readonly offset: number | null;
  /** Where another page ended, or began: overrides time and offset. */
  readonly turn: Turn | null;
}

export interface Turn {
  readonly direction: "newer" | "older";
  /** `older` reads what is before these; `newer` begins with them. Null: the end of each partition. */
  readonly places: Places | null;
}

/** By name in the address of the console, and as an option with `--`. */
export const TOPIC_FIELDS = ["saga", "at", "partition", "offset", "from", "to"] as const;

const NEWEST: TopicRequest = { sagaId: null, partition: null, at: null, offset: null, turn: null };
const MAX_PARTITION = 99_999;

/** Every fault is a sentence without its subject in front, as in "at must be ..". */
export function parseTopicRequest(
  fields: URLSearchParams,
): { readonly request: TopicRequest } | { readonly faults: readonly string[] } {
  const faults: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T | undefined, form: string): T | null => {
    const text = fields.get(name)?.trim() || null;
    if (text === null) return null;
    const value = parse(text);
    if (value === undefined) faults.push(`${name} must be ${form}`);
    return value ?? null;
  };
  const sagaId = read(
    "saga",
    (text) => (isSagaId(text.toLowerCase()) ? text.toLowerCase() : undefined),
    "a saga's id, which is a UUID of version 7",
  );
  const at = read("at", instantOf, "a time such as 2026-11-23T12:00:00Z");
  const partition = read(
    "partition",
    (text) => wholeNumber(text, MAX_PARTITION),
    "the number of a partition",
  );
  const offset = read("offset", (text) => wholeNumber(text, Number.MAX_SAFE_INTEGER), "a whole number");
  const from = read("from", placesOf, PLACES_FORM);
  const to = read<Places | "end">(
    "to",
    (text) => (text === "end" ? "end" : placesOf(text)),
    `end, or ${PLACES_FORM}`,
  );
  if (sagaId !== null && partition !== null)
    faults.push("partition must be left out with saga: the id of a saga tells its partition");
  if (offset !== null && partition === null) faults.push("offset needs a partition");
  if (offset !== null && at !== null)
    faults.push("offset and at do not go together: both say where to begin");
  if (from !== null && to !== null) faults.push("from and to do not go together: both say where to go on");
  if (faults.length > 0) return { faults };
  const turn: Turn | null =
    from !== null
      ? { direction: "newer", places: from }
      : to !== null
        ? { direction: "older", places: to === "end" ? null : to }
        : null;
  return { request: { ...NEWEST, sagaId, partition, at, offset, turn } };
}

/** The fields that `parseTopicRequest` reads this from. */
export function topicFieldsOf({ sagaId, at, partition, offset, turn }: TopicRequest): URLSearchParams {
  const fields = new URLSearchParams();
  if (sagaId !== null) fields.set("saga", sagaId);
  if (at !== null) fields.set("at", timestampOf(at));
  if (partition !== null) fields.set("partition", String(partition));
  if (offset !== null) fields.set("offset", String(offset));
  if (turn !== null)
    fields.set(
      turn.direction === "newer" ? "from" : "to",
      turn.places === null ? "end" : placesText(turn.places),
    );
  return fields;
}

const PLACES_FORM = "offsets by partition such as 0:120,3:88";
const MAX_PLACES = 1_000;

export function placesText(places: Places): string {
  return [...places].map(([partition, offset]) => `${partition}:${offset}`).join(",");
}

function placesOf(text: string): Places | undefined {
  const pairs = text.split(",").map((pair): [number, number] | undefined => {
    const [, partition = "", offset = ""] = /^(\d{1,5}):(\d{1,16})$/.exec(pair) ?? [];
    const at = wholeNumber(offset, Number.MAX_SAFE_INTEGER);
    return partition === "" || at === undefined ? undefined : [Number(partition), at];
  });
  const known = pairs.filter((pair) => pair !== undefined);
  return known.length === pairs.length && known.length <= MAX_PLACES ? new Map(known) : undefined;
}

function wholeNumber(text: string, most: number): number | undefined {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && value <= most ? value : undefined;
}
