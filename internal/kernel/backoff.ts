// Delays between attempts, in one place. Randomness is an argument so that pure callers stay pure.

/** A command that fails is tried again after these delays, then goes to the dead-letter queue. */
export const COMMAND_RETRY_DELAYS_MS: readonly number[] = [1_000, 5_000, 25_000];

/** Nothing is ever put off for longer than this. */
export const LONGEST_PAUSE_MS = 5 * 60 * 1_000;

/**
 * Whether what was put off until `dueAt` is due at `now` (epoch ms). What lies further ahead than anything is ever put off was
 * written by a clock that ran ahead and has been set right since: waiting for that time could take hours.
 */
export function isDue(dueAt: number, now: number): boolean {
  return dueAt <= now || dueAt > now + LONGEST_PAUSE_MS;
}

/** Each delay is spread by this share either way, so that a burst of failures does not come back as a burst. */
const JITTER_SHARE = 0.2;

/** Spreads `delayMs` by +-20 %; `random` is a number in [0, 1). */
export function withJitter(delayMs: number, random: number): number {
  return Math.round(delayMs * (1 - JITTER_SHARE + 2 * JITTER_SHARE * random));
}

/** Doubles from `firstMs` up to `capMs`; `attempt` counts from 0. */
export function cappedBackoff(attempt: number, firstMs: number, capMs: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30));
}
