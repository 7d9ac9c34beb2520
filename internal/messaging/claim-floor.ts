// Where a claim starts to scan. A claimed row leaves a dead entry in the index of waiting rows until the server cleans it up. A
// running dump (any old snapshot) blocks that cleanup, and each claim would scan everything claimed since. So a claim starts a
// little before the oldest recently claimed row. Only now and then it scans from the beginning, to find late rows: a long
// transaction, a slow clock, a claimer that died. Called by relay.ts and the payment executor.

/** A row at most this much older than the recent ones is found without a full scan. */
const LATE_MS = 10_000;
/** "Recent" covers between one and two of these windows. */
const WINDOW_MS = 10_000;
/** After a full scan the next one waits this many times its duration. Without an old snapshot a scan takes almost no time. */
const REST_PER_WALK = 20;
/** And at most this long. If the machine was suspended, a scan seems slow that was not, and late rows would wait for minutes. */
const MAX_REST_MS = 30_000;

export interface Claim {
  /** The result of `next`. */
  readonly from: number;
  /** The oldest claimed key of the index, in epoch ms; undefined when nothing was claimed. */
  readonly oldest: number | undefined;
  /** Readings of a monotonic clock. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export class ClaimFloor {
  #floor = 0;
  #walkDueAt = Number.NEGATIVE_INFINITY;
  #windowEndsAt = Number.NEGATIVE_INFINITY;
  #oldestBefore = Number.POSITIVE_INFINITY;
  #oldest = Number.POSITIVE_INFINITY;

  /** The key from which the next claim scans, in epoch ms; 0 is the beginning. `now` is monotonic time. */
  next(now: number): number {
    return now >= this.#walkDueAt ? 0 : this.#floor;
  }

  /** The next claim scans from the beginning: the rows may be others than before. */
  forget(): void {
    this.#walkDueAt = Number.NEGATIVE_INFINITY;
  }

  claimed({ from, oldest, startedAt, endedAt }: Claim): void {
    if (from === 0) this.#walkDueAt = endedAt + Math.min((endedAt - startedAt) * REST_PER_WALK, MAX_REST_MS);
    // An empty claim leaves no dead entries, so the recent minimum still holds.
    if (oldest === undefined) return;
    if (endedAt >= this.#windowEndsAt) {
      this.#oldestBefore = this.#oldest;
      this.#oldest = oldest;
      this.#windowEndsAt = endedAt + WINDOW_MS;
    }
    this.#oldest = Math.min(this.#oldest, oldest);
    this.#floor = Math.max(0, Math.min(this.#oldestBefore, this.#oldest) - LATE_MS);
  }
}
