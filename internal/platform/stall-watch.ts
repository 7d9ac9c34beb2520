// Notices that the process stood still: suspended, starved, or its machine moved. What timed out meanwhile timed out here and
// nowhere else. Opened by cmd/payment for the provider's circuit breaker.

const HEARTBEAT_MS = 250;
/** A gap that no garbage collection and no long batch explains. */
const STALL_MS = 2_000;

export class StallWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #beatAt = performance.now();
  #resumedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  /**
   * When it last went on after it had stood still, by `performance.now()`. Asked for by whoever is about to judge a timeout:
   * the heartbeat that is late itself may still be behind it in the queue.
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
