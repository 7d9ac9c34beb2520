// Rows that another transaction keeps locked: an operator's open psql, a backup tool, a hung process. Messages that need such a row
// are set aside until it is free; all others continue. Shared by the message processor, the retry loop and the payment executor.
import { withJitter } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";

/** A row that another transaction has locked, and one saga that needs it. */
export interface HeldRow {
  readonly saga_id: string;
  /** Table and key, for people. */
  readonly row: string;
}

/** Delay before the next attempt. It grows with the time waited, from the first value up to the second. */
const SOONEST_MS = 200;
const LATEST_MS = 1_000;
const MAX_NAMED = 10;

/**
 * Leaving out locked rows does not help when another transaction is about to insert a key: the batch has to wait. It is then split
 * this many times, with one more wait each. After that the part is set aside whole, which delays its innocent messages by a
 * fraction of a second.
 */
export const MAX_CUTS_WHEN_LOCKED = 2;

/** Milliseconds until the next attempt, after `waitedMs` of waiting; `random` in [0, 1). */
export function untilNextLook(waitedMs: number, random: number): number {
  return withJitter(Math.min(LATEST_MS, Math.max(SOONEST_MS, waitedMs / 2)), random);
}

/** Why a message of this saga was set aside, for its row in the retry table. */
export function heldError(saga_id: string, held: readonly HeldRow[]): AppError {
  const { rows } = namesOf(held.filter((row) => row.saga_id === saga_id));
  return new AppError("DATABASE_LOCKED", `another transaction has locked ${rows.join(", ")}`);
}

/** The distinct rows, for a log line. */
export function namesOf(held: readonly HeldRow[]): {
  readonly rows: readonly string[];
  readonly more: number;
} {
  const all = [...new Set(held.map(({ row }) => row))];
  return { rows: all.slice(0, MAX_NAMED), more: Math.max(0, all.length - MAX_NAMED) };
}
