// What lies in the dead-letter topic: the records themselves, and how many share a cause. Called by `checkoutctl dlq ls`.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { DeadLetter } from "../../schemas/dead-letter.ts";

const deadLetter = TypeCompiler.Compile(DeadLetter);

export interface DeadLetterFilter {
  readonly service?: string | undefined;
  readonly error_code?: string | undefined;
  readonly saga_id?: string | undefined;
}

export interface DeadLetterCause {
  readonly service: string;
  readonly type: string;
  readonly error_code: string;
  readonly count: number;
  /** RFC 3339: the last failure of the oldest and of the newest. */
  readonly oldest: string;
  readonly newest: string;
}

export interface DeadLetters {
  /** Of those that match. */
  readonly total: number;
  /** Records in the topic that are none of ours. */
  readonly unreadable: number;
  /** Most frequent first. */
  readonly causes: readonly DeadLetterCause[];
  /** Newest first, at most `limit`. */
  readonly entries: readonly DeadLetter[];
}

/** `batches` is the topic from its beginning. A record that was sent twice counts once. */
export async function readDeadLetters(
  batches: AsyncIterable<{ readonly values: readonly unknown[]; readonly undecodable: readonly unknown[] }>,
  filter: DeadLetterFilter,
  limit: number,
): Promise<DeadLetters> {
  const found = new Map<string, DeadLetter>();
  let unreadable = 0;
  for await (const { values, undecodable } of batches) {
    unreadable += undecodable.length;
    for (const value of values) {
      if (!deadLetter.Check(value)) unreadable += 1;
      else if (matches(value, filter)) found.set(value.dead_letter_id, value);
    }
  }
  const entries = [...found.values()].toSorted((one, other) =>
    other.last_failure_at.localeCompare(one.last_failure_at),
  );
  return { total: entries.length, unreadable, causes: causesOf(entries), entries: entries.slice(0, limit) };
}

/** The type of the message that failed, where it could be read. */
export function typeOf({ original_command }: DeadLetter): string {
  const isObject = typeof original_command === "object" && original_command !== null;
  const type: unknown = isObject ? Reflect.get(original_command, "type") : undefined;
  return typeof type === "string" ? type : "unreadable";
}

function matches(record: DeadLetter, { service, error_code, saga_id }: DeadLetterFilter): boolean {
  return (
    (service === undefined || record.service === service) &&
    (error_code === undefined || record.error_code === error_code) &&
    (saga_id === undefined || record.saga_id === saga_id)
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
