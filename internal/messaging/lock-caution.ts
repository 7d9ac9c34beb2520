// Decides whether a transaction waits for locks. Our own transactions take milliseconds, so waiting for them is right and serves
// each in turn. A row that somebody else keeps locked would delay messages that do not need it. So after a lock timeout the next
// transactions leave out locked rows, and now and then one waits again to check. Pure; one per consumer, retry loop and payment
// executor.

const FIRST_MS = 2_000;
const LONGEST_MS = 10_000;

export class LockCaution {
  #since = 0;
  #forMs = 0;
  #nextMs = FIRST_MS;

  /** `now` in epoch ms. A clock that is set back does not prolong the caution. */
  isWary(now: number): boolean {
    return now >= this.#since && now < this.#since + this.#forMs;
  }

  /**
   * A transaction that began at `begunAt` timed out on a lock: be wary from `now` on, for longer each time. A transaction that
   * began before the last timeout says nothing new, here and in `wentThrough`: two that run side by side would count twice, or
   * cancel each other out.
   */
  waitedInVain(begunAt: number, now: number): void {
    // After a clock is set back, every transaction seems to have begun before the last timeout.
    if (begunAt <= this.#since && now >= this.#since) return;
    this.#since = now;
    this.#forMs = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, 2 * this.#nextMs);
  }

  /** A transaction that began at `begunAt`, and would have waited for locks, has succeeded. */
  wentThrough(begunAt: number): void {
    if (begunAt <= this.#since) return;
    this.#forMs = 0;
    this.#nextMs = FIRST_MS;
  }
}
