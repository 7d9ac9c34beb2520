// All delays between attempts. The random number is an argument, so that pure callers stay pure.

/** A failed command is retried after these delays, then dead-lettered. */
export const COMMAND_RETRY_DELAYS_MS: readonly number[] = [1_000, 5_000, 25_000];

/** The longest delay anywhere. */
export const LONGEST_PAUSE_MS = 5 * 60 * 1_000;

/**
 * Whether work delayed until `dueAt` is due at `now` (epoch ms). A due time beyond the longest possible delay comes from a fast
 * clock that was corrected later; it counts as due, because waiting for it could take hours.
 */
export function isDue(dueAt: number, now: number): boolean {
  return dueAt <= now || dueAt > now + LONGEST_PAUSE_MS;
}

/** Each delay varies by this share in both directions, so that a burst of failures does not return as a burst. */
const JITTER_SHARE = 0.2;

/** Spreads `delayMs` by +-20 %; `random` is a number in [0, 1). */
export function withJitter(delayMs: number, random: number): number {
  return Math.round(delayMs * (1 - JITTER_SHARE + 2 * JITTER_SHARE * random));
}

/** Doubles from `firstMs` up to `capMs`; `attempt` counts from 0. */
export function cappedBackoff(attempt: number, firstMs: number, capMs: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30));
}
