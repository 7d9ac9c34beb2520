// Rows that another transaction keeps locked: an operator's open psql, a backup tool, a process that hangs. Whoever wants them is
// set aside until they are free; everybody else goes on. The message processor, the retry loop and the payment executor share these words.
import { withJitter } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";

/** A row that is locked by another transaction just now, and one saga that wants it. */
export interface HeldRow {
  readonly saga_id: string;
  /** For people: table and key. */
  readonly row: string;
}

/** What was set aside is tried again after this, and the longer it has waited the later, up to the second. */
const SOONEST_MS = 200;
const LATEST_MS = 1_000;
const MAX_NAMED = 10;

/**
 * Where a batch has to wait although it leaves out what is locked (a key that another transaction is about to insert), it is cut this
 * often, each time with one more wait; then the part is set aside whole, which costs its innocents a fraction of a second.
 */
export const MAX_CUTS_WHEN_LOCKED = 2;

/** Milliseconds until the next look, for what has been waiting for `waitedMs`; `random` in [0, 1). */
export function untilNextLook(waitedMs: number, random: number): number {
  return withJitter(Math.min(LATEST_MS, Math.max(SOONEST_MS, waitedMs / 2)), random);
}

/** Why a message of this saga was set aside, for its row in the retry table. */
export function heldError(saga_id: string, held: readonly HeldRow[]): AppError {
  const { rows } = namesOf(held.filter((row) => row.saga_id === saga_id));
  return new AppError("DATABASE_LOCKED", `another transaction holds ${rows.join(", ")}`);
}

/** The rows, each once, for a line of the log. */
export function namesOf(held: readonly HeldRow[]): {
  readonly rows: readonly string[];
  readonly more: number;
} {
  const all = [...new Set(held.map(({ row }) => row))];
  return { rows: all.slice(0, MAX_NAMED), more: Math.max(0, all.length - MAX_NAMED) };
}
