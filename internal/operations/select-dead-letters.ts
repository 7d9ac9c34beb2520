// Selects the dead letters of a bulk act: by id, by filter, or all with an explicit `everything`. Called by plans.ts
// and, for its words, by `checkoutctl dlq`.
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { handlingsOf } from "./dead-letter-store.ts";
import {
  type DeadLetterBatches,
  type DeadLetterFilter,
  isOpen,
  matchingDeadLetters,
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
 * The selected dead letters, part by part. Ids select dead letters in any state; filters select only open ones. Throws PlanRefused:
 * `invalid` without a selection; at the end `not-found` for an unknown id, `nothing-matches`, and `nothing-open` if all that match are
 * handled.
 */
export async function* selectDeadLetters(
  saga: Sql,
  read: () => DeadLetterBatches,
  { filter, everything = false }: Selection,
): AsyncGenerator<readonly DeadLetter[], void> {
  const ids = filter.ids ?? [];
  if (!isFiltered(filter) && !everything)
    throw new PlanRefused("invalid", "select dead letters by id, by a filter, or everything");
  const missing = new Set(ids);
  let [matched, selected] = [0, 0];
  for await (const { records } of matchingDeadLetters(read(), filter)) {
    const found = records.map(({ dead_letter_id }) => dead_letter_id);
    matched += found.length;
    for (const id of found) missing.delete(id);
    const handlings = ids.length > 0 || found.length === 0 ? new Map() : await handlingsOf(saga, found);
    const chosen = records.filter(({ dead_letter_id }) => isOpen(handlings.get(dead_letter_id)));
    selected += chosen.length;
    if (chosen.length > 0) yield chosen;
  }
  if (missing.size > 0)
    throw new PlanRefused("not-found", `there is no such dead letter: ${[...missing].join(", ")}`);
  if (matched === 0) throw new PlanRefused("nothing-matches", await describeNone(read));
  if (selected === 0)
    throw new PlanRefused(
      "nothing-open",
      `there is nothing to do: all ${matched} dead letters that match were replayed or discarded before`,
    );
}

export function isFiltered(filter: DeadLetterFilter): boolean {
  return Object.values(filter).some(
    (value) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
}

/** Says that nothing matches and lists the existing values: a mistyped filter must not look like finished work. */
export async function describeNone(read: () => DeadLetterBatches): Promise<string> {
  const [codes, types, services] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for await (const { records } of matchingDeadLetters(read(), {}))
    for (const record of records) {
      codes.add(record.error_code);
      types.add(typeOf(record));
      services.add(record.service);
    }
  if (services.size === 0) return "no dead letter matches: there are none at all";
  const list = (values: ReadonlySet<string>) => [...values].toSorted().slice(0, MAX_NAMED).join(", ");
  return `no dead letter matches; existing values: --code ${list(codes)}; --type ${list(types)}; --service ${list(services)}`;
}
