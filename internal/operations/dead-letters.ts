// Reads the dead-letter topic: the records, how operators handled them, and how many share a cause. Called by `checkoutctl dlq`.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { DeadLetter } from "../../schemas/dead-letter.ts";
import type { Handling } from "./dead-letter-store.ts";

const deadLetter = TypeCompiler.Compile(DeadLetter);

/** False for what a stranger wrote to the topic. */
export function isDeadLetter(value: unknown): value is DeadLetter {
  return deadLetter.Check(value);
}

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
  /** Number of matching records. */
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

export interface FoundDeadLetters {
  /** Newest first. */
  readonly records: readonly DeadLetter[];
  readonly unreadable: number;
}

/** Returns the matching records. A record that was sent twice counts once. */
export async function findDeadLetters(
  batches: DeadLetterBatches,
  filter: DeadLetterFilter,
): Promise<FoundDeadLetters> {
  const found = new Map<string, DeadLetter>();
  let unreadable = 0;
  const ids = filter.ids === undefined ? undefined : new Set(filter.ids);
  for await (const { values, undecodable } of batches) {
    unreadable += undecodable.length;
    for (const value of values) {
      if (!isDeadLetter(value)) unreadable += 1;
      else if (ids?.has(value.dead_letter_id) !== false && matches(value, filter))
        found.set(value.dead_letter_id, value);
    }
  }
  const records = [...found.values()].toSorted((one, other) =>
    other.last_failure_at.localeCompare(one.last_failure_at),
  );
  return { records, unreadable };
}

export interface OverviewOptions {
  readonly all: boolean;
  readonly limit: number;
  /** Replays without success, by message id. */
  readonly replays?: ReadonlyMap<string, number>;
}

/** Lists and groups the records; only open ones unless `all`. */
export function overview(
  { records, unreadable }: FoundDeadLetters,
  handlings: ReadonlyMap<string, Handling>,
  { all, limit, replays = new Map() }: OverviewOptions,
): DeadLetters {
  const listed = records.filter((record) => all || isOpen(handlings.get(record.dead_letter_id)));
  const entries = listed.slice(0, limit).map((record) => ({
    ...record,
    handling: describeHandling(handlings.get(record.dead_letter_id)),
    replays: replays.get(messageIdOf(record) ?? "") ?? 0,
  }));
  return { total: listed.length, unreadable, causes: causesOf(listed), entries };
}

/** True if the dead letter was not handled yet, or if its replay was interrupted. */
export function isOpen(handling: Handling | undefined): boolean {
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
  return textOf(original_command, "type") ?? "unreadable";
}

/** The id of the failed message; null if it cannot be read. */
export function messageIdOf({ original_command }: DeadLetter): string | null {
  const id = textOf(original_command, "message_id");
  return id !== undefined && UUID.test(id) ? id : null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function textOf(message: unknown, name: string): string | undefined {
  const value: unknown =
    typeof message === "object" && message !== null ? Reflect.get(message, name) : undefined;
  return typeof value === "string" ? value : undefined;
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

/** `entries` are newest first. */
function causesOf(entries: readonly DeadLetter[]): DeadLetterCause[] {
  const groups = Map.groupBy(entries, (one) => `${one.service}\n${typeOf(one)}\n${one.error_code}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [newest] = group;
      const oldest = group.at(-1);
      if (newest === undefined || oldest === undefined) return [];
      const { service, error_code, last_failure_at } = newest;
      const times = { oldest: oldest.last_failure_at, newest: last_failure_at };
      return [{ service, type: typeOf(newest), error_code, count: group.length, ...times }];
    })
    .toSorted((one, other) => other.count - one.count);
}
