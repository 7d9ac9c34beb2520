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

  /** A wait was in vain: wary from `now` on, for longer each time. */
  waitedInVain(now: number): void {
    this.#since = now;
    this.#forMs = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, 2 * this.#nextMs);
  }

  /** A transaction that would have waited has gone through. */
  wentThrough(): void {
    this.#forMs = 0;
    this.#nextMs = FIRST_MS;
  }
}
