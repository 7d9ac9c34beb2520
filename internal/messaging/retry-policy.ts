// What happens to a failed message: retried after a delay, or dead-lettered. Pure; called by the message processor for a first
// failure and by the retry loop for later ones.
import { cappedBackoff, COMMAND_RETRY_DELAYS_MS, withJitter } from "../kernel/backoff.ts";

export interface RetryLimits {
  /** Delay before each retry. After the last retry the message is dead-lettered. */
  readonly delaysMs: readonly number[];
  /** The longest delay for messages that are never dead-lettered. */
  readonly retryForeverCapMs: number;
}

export const RETRY_LIMITS: RetryLimits = { delaysMs: COMMAND_RETRY_DELAYS_MS, retryForeverCapMs: 60_000 };

export type RetryDecision =
  { readonly kind: "again"; readonly delayMs: number } | { readonly kind: "give-up" };

/** `failedAttempts` includes this attempt, so it is at least 1; `random` is in [0, 1). */
export function afterFailure(
  failedAttempts: number,
  retryForever: boolean,
  random: number,
  limits: RetryLimits = RETRY_LIMITS,
): RetryDecision {
  const delayMs = limits.delaysMs[failedAttempts - 1];
  if (delayMs !== undefined) return { kind: "again", delayMs: withJitter(delayMs, random) };
  if (!retryForever) return { kind: "give-up" };
  const last = limits.delaysMs.at(-1) ?? limits.retryForeverCapMs;
  const beyond = failedAttempts - limits.delaysMs.length;
  return {
    kind: "again",
    delayMs: withJitter(cappedBackoff(beyond, last, limits.retryForeverCapMs), random),
  };
}
