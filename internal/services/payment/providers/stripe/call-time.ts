// The time of one call of the adapter, which its requests share: the SDK's own timeout is that of one request, and a call of three would
// outlast the lease of the attempt that makes it. Called by stripe.ts.
import { Stripe } from "stripe";

/** The options of the next request; throws what the SDK throws after a timeout if no time is left. */
export type TimeLeft = () => { readonly timeout: number };

/** `until`: by `performance.now()`, if the call must be over before `timeoutMs`. */
export function timeLeft(timeoutMs: number, until = Infinity): TimeLeft {
  const end = Math.min(until, performance.now() + timeoutMs);
  return () => {
    const leftMs = Math.floor(end - performance.now());
    if (leftMs > 0) return { timeout: leftMs };
    const cause = Object.assign(new Error("the call took too long"), { code: "ETIMEDOUT" });
    throw new Stripe.errors.StripeConnectionError({ message: cause.message, detail: cause });
  };
}
