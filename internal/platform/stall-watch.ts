// Detects that the process was stalled: suspended, starved, or its machine moved. A timeout during a stall says nothing about the
// other side. Opened by cmd/payment for the provider's circuit breaker.

const HEARTBEAT_MS = 250;
/** Longer than any garbage collection or batch. */
const STALL_MS = 2_000;

export class StallWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #beatAt = performance.now();
  #resumedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  /**
   * When the process last resumed after a stall, by `performance.now()`. Also checks the clock now: when a caller judges a timeout,
   * the late heartbeat may still be queued behind it.
   */
  readonly resumedAt = (): number => {
    this.#beat();
    return this.#resumedAt;
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#beatAt > STALL_MS) this.#resumedAt = now;
    this.#beatAt = now;
  }
}
