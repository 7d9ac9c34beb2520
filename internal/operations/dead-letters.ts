// Reads the dead-letter topic: the records, how operators handled them, and how many share a cause. The topic may be long and its messages
// large, so it is read in parts, and only what is asked for is kept. Called by checkoutctl, the console, plans and runs.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { isDeadLetter, messageIdOf, textIn } from "../messaging/read-dead-letter.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Handling } from "./dead-letter-store.ts";

/** An undefined field matches everything. Times are compared with the last failure, in epoch ms. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[] | undefined;
  readonly service?: string | undefined;
  readonly topic?: string | undefined;
  readonly type?: string | undefined;
  readonly error_code?: string | undefined;
  /** Part of the error message, case-insensitive. */
  readonly error?: string | undefined;
  readonly saga_id?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export interface DeadLetterCause {
  readonly service: string;
  readonly type: string;
  readonly error_code: string;
  /** What the error texts have in common; only if asked for. */
  readonly fingerprint?: string;
  readonly count: number;
  /** RFC 3339: the last failure of the oldest and of the newest record. */
  readonly oldest: string;
  readonly newest: string;
}

export interface ListedDeadLetter extends DeadLetter {
  readonly handling: string;
  /** How often its message was replayed without success. Three times quarantine it. */
  readonly replays: number;
}

export interface DeadLetters {
  /** Number of matching records, handled or not. */
  readonly matched: number;
  /** Number of matching records that are listed: the open ones, or all. */
  readonly total: number;
  /** Records in the topic that are not dead letters. */
  readonly unreadable: number;
  /** Most frequent first. */
  readonly causes: readonly DeadLetterCause[];
  /** Newest first, up to the requested limit. */
  readonly entries: readonly ListedDeadLetter[];
}

/** The whole topic, read from its beginning. */
export type DeadLetterBatches = AsyncIterable<{
  readonly values: readonly unknown[];
  readonly undecodable: readonly unknown[];
}>;

/** What one part of the topic holds. */
export interface DeadLetterPart {
  readonly records: readonly DeadLetter[];
  readonly unreadable: number;
}

/** The matching records, part by part in the order of the topic. A record that was sent twice counts once. Ends when all `ids` are found. */
export async function* matchingDeadLetters(
  batches: DeadLetterBatches,
  filter: DeadLetterFilter,
): AsyncGenerator<DeadLetterPart, void> {
  const seen = new Set<string>();
  const ids = filter.ids === undefined ? undefined : new Set(filter.ids);
  for await (const { values, undecodable } of batches) {
    const read = values.filter(isDeadLetter);
    const records: DeadLetter[] = [];
    for (const record of read) {
      const id = record.dead_letter_id;
      if (ids?.has(id) === false || seen.has(id) || !matches(record, filter)) continue;
      seen.add(id);
      records.push(record);
    }
    yield { records, unreadable: undecodable.length + values.length - read.length };
    if (seen.size === ids?.size) return;
  }
}

/** The records with these ids, newest first. Those that are no longer on the topic are missing. */
export async function findDeadLetters(
  batches: DeadLetterBatches,
  ids: readonly string[],
): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  for await (const { records } of matchingDeadLetters(batches, { ids })) found.push(...records);
  return found.toSorted(newestFirst);
}

export interface ListOptions {
  /** Handled ones, too. */
  readonly all: boolean;
  readonly limit: number;
  /** By dead letter id. */
  readonly handlings: (ids: readonly string[]) => Promise<ReadonlyMap<string, Handling>>;
  /** Replays without success, by message id. */
  readonly replays: (messageIds: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /** Without the messages, except their type and id: for long lists. */
  readonly withoutMessages?: boolean;
  /** Counts errors whose texts differ in more than ids, numbers and times as causes of their own. */
  readonly byFingerprint?: boolean;
}

/** With more, what would be a new cause by its text only counts as one of these. */
const MAX_CAUSES = 500;
export const OTHER_ERRORS = "(other errors)";

/** Counts by cause, and lists the newest. Keeps no more than twice `limit` records in memory. */
export async function listDeadLetters(
  batches: DeadLetterBatches,
  filter: DeadLetterFilter,
  { all, limit, handlings, replays, withoutMessages = false, byFingerprint = false }: ListOptions,
): Promise<DeadLetters> {
  const causes = new Map<string, DeadLetterCause>();
  let kept: Kept[] = [];
  let [matched, total, unreadable] = [0, 0, 0];
  for await (const part of matchingDeadLetters(batches, filter)) {
    unreadable += part.unreadable;
    matched += part.records.length;
    if (part.records.length === 0) continue;
    const handled = await handlings(part.records.map(({ dead_letter_id }) => dead_letter_id));
    for (const record of part.records) {
      const handling = handled.get(record.dead_letter_id);
      if (!all && !isOpen(handling)) continue;
      total += 1;
      addCause(causes, record, byFingerprint);
      const shown = withoutMessages ? withoutMessage(record) : record;
      // Read before the bytes are left out.
      const messageId = messageIdOf(record);
      kept.push({ entry: { ...shown, handling: describeHandling(handling) }, messageId });
      if (kept.length >= 2 * limit) kept = newestOf(kept, limit);
    }
  }
  const newest = newestOf(kept, limit);
  const times = await replays(newest.flatMap(({ messageId }) => messageId ?? []));
  return {
    matched,
    total,
    unreadable,
    causes: [...causes.values()].toSorted((one, other) => other.count - one.count),
    entries: newest.map(({ entry, messageId }) => ({ ...entry, replays: times.get(messageId ?? "") ?? 0 })),
  };
}

interface Kept {
  readonly entry: Omit<ListedDeadLetter, "replays">;
  readonly messageId: string | null;
}

function newestOf(kept: readonly Kept[], limit: number): Kept[] {
  return kept.toSorted((one, other) => newestFirst(one.entry, other.entry)).slice(0, limit);
}

function newestFirst(one: DeadLetter, other: DeadLetter): number {
  return other.last_failure_at.localeCompare(one.last_failure_at);
}

function withoutMessage(record: DeadLetter): DeadLetter {
  const { original, original_command } = record;
  const names = ["type", "message_id"].map((name) => [name, textIn(original_command, name)]);
  return {
    ...record,
    original: { ...original, value_base64: null, headers: [] },
    original_command: original_command === null ? null : Object.fromEntries(names),
  };
}

function addCause(causes: Map<string, DeadLetterCause>, record: DeadLetter, byFingerprint: boolean): void {
  const { service, error_code, error_message, last_failure_at: at } = record;
  const type = typeOf(record);
  const keyOf = (text: string) => [service, type, error_code, text].join("\n");
  let fingerprint = byFingerprint ? fingerprintOf(error_message) : "";
  if (byFingerprint && causes.size >= MAX_CAUSES && !causes.has(keyOf(fingerprint)))
    fingerprint = OTHER_ERRORS;
  const key = keyOf(fingerprint);
  const { count, oldest, newest } = causes.get(key) ?? { count: 0, oldest: at, newest: at };
  causes.set(key, {
    service,
    type,
    error_code,
    ...(byFingerprint ? { fingerprint } : {}),
    count: count + 1,
    oldest: at < oldest ? at : oldest,
    newest: at > newest ? at : newest,
  });
}

/** True if the dead letter was not handled yet, or if its replay was interrupted. */
export function isOpen(
  handling: Handling | undefined,
): handling is undefined | (Handling & { readonly outcome: null }) {
  return handling === undefined || handling.outcome === null;
}

export function describeHandling(handling: Handling | undefined): string {
  if (handling === undefined) return "open";
  const { action, outcome, actor } = handling;
  if (action === "dead-letter.discard") return `discarded by ${actor}`;
  return outcome === null ? `replayed by ${actor}, outcome not known` : `replayed by ${actor}: ${outcome}`;
}

/** The type of the failed message, or "unreadable". */
export function typeOf({ original_command }: DeadLetter): string {
  return textIn(original_command, "type") ?? "unreadable";
}

function matches(record: DeadLetter, filter: Omit<DeadLetterFilter, "ids">): boolean {
  const at = Date.parse(record.last_failure_at);
  const { service, topic, type, error_code, error, saga_id, since = -Infinity, until = Infinity } = filter;
  return (
    (service === undefined || record.service === service) &&
    (topic === undefined || record.original.topic === topic) &&
    (type === undefined || typeOf(record) === type) &&
    (error_code === undefined || record.error_code === error_code) &&
    (error === undefined || record.error_message.toLowerCase().includes(error.toLowerCase())) &&
    (saga_id === undefined || record.saga_id === saga_id) &&
    at >= since &&
    at <= until
  );
}
