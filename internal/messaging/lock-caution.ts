// Whether to wait for locks. Waiting is right among our own transactions, which are over in milliseconds, and serves each in turn;
// behind a row that somebody keeps it only holds up those who do not want the row. So after a wait that was in vain the next
// transactions leave out what is locked instead, and now and then one waits again to see. Pure; one per consumer, retry loop and
// payment executor.

const FIRST_MS = 2_000;
const LONGEST_MS = 10_000;

export class LockCaution {
  #since = 0;
  #forMs = 0;
  #nextMs = FIRST_MS;

  /** `now` in epoch ms. A clock that was set back makes nobody wary for longer. */
  isWary(now: number): boolean {
    return now >= this.#since && now < this.#since + this.#forMs;
  }

  /**
   * The wait of a transaction that began at `begunAt` was in vain: wary from `now` on, for longer each time. What began before the
   * last such wait was over says nothing new, here and in `wentThrough`: two that run side by side would count twice, or cancel out.
   */
  waitedInVain(begunAt: number, now: number): void {
    // Where the clock was set back, everything seems to have begun before.
    if (begunAt <= this.#since && now >= this.#since) return;
    this.#since = now;
    this.#forMs = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, 2 * this.#nextMs);
  }

  /** A transaction that began at `begunAt` and would have waited has gone through. */
  wentThrough(begunAt: number): void {
    if (begunAt <= this.#since) return;
    this.#forMs = 0;
    this.#nextMs = FIRST_MS;
  }
}
