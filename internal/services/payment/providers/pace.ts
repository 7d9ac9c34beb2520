// How many calls the provider takes, learned from its refusals ("too many requests"). Nothing is limited until the first one. Then the
// rate follows CUBIC (RFC 9438), as the adaptive mode of the AWS SDKs does: down to a part of what was taken, quickly back to
// near there, slowly past it, and ever faster where nobody refuses. Pure but for what it remembers: time is an argument, in
// milliseconds of a clock that nobody sets. Asked by executor.ts before it claims, told by watched-provider.ts.
//
// Written here because the libraries that adapt (@smithy/util-retry, cockatiel's neighbours) make a call wait that is on its way
// already; a charge must wait in the table, where its undo finds it.

/** After a refusal, this share of what was taken. */
const DECREASE = 0.7;
/** How steeply the rate grows, in calls a second per second cubed. */
const GROWTH = 0.4;
/** So little is always tried, or nobody would notice that the provider takes calls again. */
const LEAST_PER_SECOND = 0.5;
/** From here on there is no limit that this service could reach. */
const UNLIMITED_PER_SECOND = 2_000;
/** Calls that may leave at once, as seconds of the rate: less is lost when nobody asks in time, more is a burst. */
const BURST_SECONDS = 0.5;
const LEAST_BURST = 1;
/** What was taken when a limit was met is counted over this long. */
const WINDOW_MS = 1_000;
/** What the provider can do is known after this long of being at its limit, and counted over as long. */
const LEARNING_MS = 3_000;

/** A limit that was met. */
interface Limit {
  /** The rate at which it was met, calls a second. */
  readonly metAt: number;
  readonly sinceMs: number;
  /** Calls that may leave; below 0 where requests needed more calls than one. */
  tokens: number;
  refilledMs: number;
}

export class Pace {
  #limit: Limit | null = null;
  /** Since when there has been a limit without a break. */
  #scarceSinceMs = 0;
  #pausedUntilMs = -Infinity;
  /** When calls were taken, as far back as anybody asks. */
  #taken: number[] = [];

  /** Calls a second that the provider takes at the moment; null where no limit is known. */
  rate(nowMs: number): number | null {
    if (this.#limit === null) return null;
    const { metAt, sinceMs } = this.#limit;
    const seconds = Math.max(0, nowMs - Math.max(sinceMs, this.#pausedUntilMs)) / 1_000;
    const back = Math.cbrt((metAt * (1 - DECREASE)) / GROWTH);
    const rate = Math.max(GROWTH * (seconds - back) ** 3 + metAt, LEAST_PER_SECOND);
    if (rate < UNLIMITED_PER_SECOND) return rate;
    this.#limit = null;
    return null;
  }

  /** Calls a second that the provider gets done, where it is at its limit and that has been so for long enough to tell; else null. */
  capacity(nowMs: number): number | null {
    const rate = this.rate(nowMs);
    if (rate === null || nowMs - this.#scarceSinceMs < LEARNING_MS) return null;
    return Math.max(rate, this.#takenSince(nowMs - LEARNING_MS) / (LEARNING_MS / 1_000));
  }

  /** How long a call waits before which `waiting` others leave, in milliseconds; null where `capacity` is. */
  waitMs(waiting: number, nowMs: number): number | null {
    const capacity = this.capacity(nowMs);
    if (capacity === null) return null;
    return Math.max(0, this.#pausedUntilMs - nowMs) + (waiting / capacity) * 1_000;
  }

  /** How many calls may leave now; infinite where no limit is known. */
  room(nowMs: number): number {
    const rate = this.rate(nowMs);
    const limit = this.#limit;
    if (rate === null || limit === null) return Infinity;
    const from = Math.max(limit.refilledMs, this.#pausedUntilMs);
    if (nowMs > from) {
      const burst = Math.max(LEAST_BURST, rate * BURST_SECONDS);
      limit.tokens = Math.min(burst, limit.tokens + ((nowMs - from) / 1_000) * rate);
      limit.refilledMs = nowMs;
    }
    return nowMs < this.#pausedUntilMs ? 0 : Math.max(0, Math.floor(limit.tokens));
  }

  /** A call leaves. */
  leaves(nowMs: number): void {
    this.room(nowMs);
    if (this.#limit !== null) this.#limit.tokens -= 1;
  }

  /** The provider took a call, whatever it answered. */
  accepted(nowMs: number): void {
    const first = this.#taken[0];
    // Seldom, and many at once.
    if (first !== undefined && first < nowMs - 2 * LEARNING_MS)
      this.#taken = this.#taken.filter((at) => at > nowMs - LEARNING_MS);
    this.#taken.push(nowMs);
  }

  /** The provider refused a call that left at `leftMs`, because there are too many. */
  refused(leftMs: number, nowMs: number, retryAfterMs: number | null): void {
    if (retryAfterMs !== null) this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + retryAfterMs);
    // One limit met by many calls at once is met once.
    if (this.#limit !== null && leftMs <= this.#limit.sinceMs) return;
    const before = this.rate(nowMs);
    if (before === null) this.#scarceSinceMs = nowMs;
    const taken = this.#takenSince(nowMs - WINDOW_MS) / (WINDOW_MS / 1_000);
    const metAt = Math.max(Math.min(before ?? Infinity, taken), LEAST_PER_SECOND);
    this.#limit = { metAt, sinceMs: nowMs, tokens: 0, refilledMs: nowMs };
  }

  #takenSince(fromMs: number): number {
    return this.#taken.reduce((count, at) => (at > fromMs ? count + 1 : count), 0);
  }
}
