// Selects the dead letters of a bulk act: by id, by filter, or all with an explicit `everything`. Called by plans.ts and
// run-executor.ts.
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { handlingsOf } from "./dead-letter-store.ts";
import {
  type DeadLetterBatches,
  type DeadLetterFilter,
  findDeadLetters,
  isOpen,
  typeOf,
} from "./dead-letters.ts";
import { PlanRefused } from "./plan.ts";

/** Values listed per option. */
const MAX_NAMED = 20;

export interface Selection {
  readonly filter: DeadLetterFilter;
  /** Every open dead letter. Without it an empty filter is refused: a filter that was lost must not select everything. */
  readonly everything?: boolean | undefined;
}

/**
 * Ids select dead letters in any state; filters select only open ones. Throws PlanRefused: `invalid` without a selection, `not-found`
 * for an unknown id, `nothing-matches`, and `nothing-open` if all that match are handled.
 */
export async function selectDeadLetters(
  saga: Sql,
  read: () => DeadLetterBatches,
  { filter, everything = false }: Selection,
): Promise<readonly DeadLetter[]> {
  const { ids } = filter;
  if (!isFiltered(filter) && !everything)
    throw new PlanRefused("invalid", "select dead letters by id, by a filter, or everything");
  const { records } = await findDeadLetters(read(), filter);
  if (ids !== undefined && ids.length > 0) {
    const found = new Set(records.map(({ dead_letter_id }) => dead_letter_id));
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length > 0)
      throw new PlanRefused("not-found", `there is no such dead letter: ${missing.join(", ")}`);
    return records;
  }
  if (records.length === 0) throw new PlanRefused("nothing-matches", await describeNone(read));
  const handlings = await handlingsOf(
    saga,
    records.map(({ dead_letter_id }) => dead_letter_id),
  );
  const open = records.filter(({ dead_letter_id }) => isOpen(handlings.get(dead_letter_id)));
  if (open.length === 0)
    throw new PlanRefused(
      "nothing-open",
      `there is nothing to do: all ${records.length} dead letters that match were replayed or discarded before`,
    );
  return open;
}

export function isFiltered(filter: DeadLetterFilter): boolean {
  return Object.values(filter).some(
    (value) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
}

/** Says that nothing matches and lists the existing values: a mistyped filter must not look like finished work. */
export async function describeNone(read: () => DeadLetterBatches): Promise<string> {
  const { records } = await findDeadLetters(read(), {});
  if (records.length === 0) return "no dead letter matches: there are none at all";
  const list = (values: readonly string[]) => [...new Set(values)].toSorted().slice(0, MAX_NAMED).join(", ");
  const codes = list(records.map(({ error_code }) => error_code));
  const types = list(records.map(typeOf));
  const services = list(records.map(({ service }) => service));
  return `no dead letter matches; existing values: --code ${codes}; --type ${types}; --service ${services}`;
}
