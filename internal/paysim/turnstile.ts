// Turns calls away before anything looks at them, as a provider does that is called too often or has trouble of its own: 429 above a
// number of calls a second, 503 by chance. Nothing is executed, nothing stored. Asked by the server for every call.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import type { FaultSettings } from "./faults.ts";
import { rateLimited, UNAVAILABLE } from "./errors.ts";

export class Turnstile {
  /** Calls that may come now: a second's worth may come at once. */
  #tokens = Infinity;
  #refilledMs = 0;

  /** The refusal, or null where the call may come in. `nowMs` of a clock that nobody sets; `draw` gives a number in [0, 1). */
  refuse(
    { calls_per_second, unavailable_rate }: FaultSettings,
    nowMs: number,
    draw: () => number,
  ): ProviderError | null {
    if (unavailable_rate > 0 && draw() < unavailable_rate) return UNAVAILABLE;
    if (calls_per_second === 0) {
      this.#tokens = Infinity;
      return null;
    }
    const most = Math.max(1, calls_per_second);
    const gained = ((nowMs - this.#refilledMs) / 1_000) * calls_per_second;
    this.#tokens = Math.min(most, this.#tokens + gained);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return rateLimited(calls_per_second);
    this.#tokens -= 1;
    return null;
  }
}
