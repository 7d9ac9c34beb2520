// Where a claim begins to look. What was claimed leaves its entry in the index of what waits, until the server may clean it up,
// and while a dump is running (any old snapshot) it may not: each claim would wade through all that was claimed since. So a claim
// begins a little before the oldest that came up of late, and only now and then at the very beginning, for what came late: a
// long transaction, a slow clock, a claimer that died. Called by relay.ts and by the payment executor.

/** So much older than what comes up otherwise may something be and still be found at once. */
const LATE_MS = 10_000;
/** What counts as of late: between one and two of these. */
const WINDOW_MS = 10_000;
/** A walk from the beginning is followed by none for so many times as long as it took. Without an old snapshot that is nothing. */
const REST_PER_WALK = 20;

export interface Claim {
  /** As `next` gave it. */
  readonly from: number;
  /** Of what was claimed, by the key of the index in epoch ms; undefined where nothing was. */
  readonly oldest: number | undefined;
  /** A monotonic clock's readings. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export class ClaimFloor {
  #floor = 0;
  #walkDueAt = Number.NEGATIVE_INFINITY;
  #windowEndsAt = Number.NEGATIVE_INFINITY;
  #oldestBefore = Number.POSITIVE_INFINITY;
  #oldest = Number.POSITIVE_INFINITY;

  /** From which key on, in epoch ms, the next claim looks; 0 is the beginning. `now` by the monotonic clock. */
  next(now: number): number {
    return now >= this.#walkDueAt ? 0 : this.#floor;
  }

  claimed({ from, oldest, startedAt, endedAt }: Claim): void {
    if (from === 0) this.#walkDueAt = endedAt + (endedAt - startedAt) * REST_PER_WALK;
    // Nothing claimed leaves nothing behind; what was known of late still holds.
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
