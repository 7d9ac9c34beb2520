// Turns requests away unread, as an overloaded or faulty provider does: 429 above a number of requests per second, 503 at random.
// Nothing is executed or stored. Called by the server, through the simulator, for every request.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import type { FaultSettings } from "./faults.ts";
import { rateLimited, UNAVAILABLE } from "./errors.ts";

export class Turnstile {
  /** Requests that may come now; one second's worth may come at once. */
  #tokens = Infinity;
  #refilledMs = 0;

  /** The refusal, or null if the request may come in. `nowMs` is from a monotonic clock; `draw` returns a number in [0, 1). */
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
