// How long a payment or a refund waits for its next request. Pure.
import { assert } from "../../../kernel/errors.ts";

/** The part of PaymentPolicy (attempts.ts) that counts here. */
interface PausePolicy {
  /** Pauses after attempts without a definite result; the last one repeats. */
  readonly backoffMs: readonly number[];
}

/** As long as the provider asks for, else as after a first attempt: the executor already limits the rate. */
export function pauseFor(
  { retry_after_ms }: { readonly retry_after_ms: number | null },
  policy: PausePolicy,
): number {
  return retry_after_ms ?? pauseAfter(1, policy);
}

/** `attempt` counts from 1. */
export function pauseAfter(attempt: number, { backoffMs }: PausePolicy): number {
  const pause = backoffMs[Math.min(attempt, backoffMs.length) - 1];
  assert(pause !== undefined, "the backoff needs at least one pause");
  return pause;
}
