// Learns from refusals ("too many requests") how many calls the provider takes. Before the first refusal there is no limit. Then the rate
// follows CUBIC (RFC 9438), like the adaptive mode of the AWS SDKs: it drops to a share of what was taken, returns quickly to near
// that point, passes it slowly, and grows faster and faster without refusals. executor.ts checks it before each claim;
// watched-provider.ts reports to it. Pure except for its memory: time is an argument, in monotonic milliseconds.
//
// Written here because the adaptive libraries (@smithy/util-retry, cockatiel's neighbours) delay a call that is already on its way. A
// charge must wait in the table, where its undo finds it.

/** After a refusal, the rate is this share of what was taken. */
const DECREASE = 0.7;
/** Growth of the rate, in calls per second per second cubed. */
const GROWTH = 0.4;
/** The lowest rate. Without any calls nothing would show that the provider takes calls again. */
const LEAST_PER_SECOND = 0.5;
/** From this rate on there is no limit that this service could reach. */
const UNLIMITED_PER_SECOND = 2_000;
/** Calls that may be sent at once, in seconds of the rate. Fewer would lose rate between two claims; more would be a burst. */
const BURST_SECONDS = 0.5;
const LEAST_BURST = 1;
/** The calls taken when a limit was hit are counted over this long. */
const WINDOW_MS = 1_000;
/** The provider's capacity is known after this long at its limit, and is counted over the same time. */
const LEARNING_MS = 3_000;

/** A limit that was hit. */
interface Limit {
  /** The rate at which it was hit, in calls per second. */
  readonly metAt: number;
  readonly sinceMs: number;
  /** Calls that may be sent; below 0 if requests needed more than one call. */
  tokens: number;
  refilledMs: number;
}

export class Pace {
  #limit: Limit | null = null;
  /** When the current period with a limit began. */
  #scarceSinceMs = 0;
  #pausedUntilMs = -Infinity;
  /** When calls were taken, as far back as needed. */
  #taken: number[] = [];

  /** Calls per second that the provider takes at the moment; null if no limit is known. */
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

  /** Calls per second that the provider completes, if it was at its limit long enough to tell; else null. */
  capacity(nowMs: number): number | null {
    const rate = this.rate(nowMs);
    if (rate === null || nowMs - this.#scarceSinceMs < LEARNING_MS) return null;
    return Math.max(rate, this.#takenSince(nowMs - LEARNING_MS) / (LEARNING_MS / 1_000));
  }

  /** How long a call waits behind `waiting` others, in milliseconds; null if `capacity` is null. */
  waitMs(waiting: number, nowMs: number): number | null {
    const capacity = this.capacity(nowMs);
    if (capacity === null) return null;
    return Math.max(0, this.#pausedUntilMs - nowMs) + (waiting / capacity) * 1_000;
  }

  /** How many calls may be sent now; Infinity if no limit is known. */
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

  /** A call is sent. */
  leaves(nowMs: number): void {
    this.room(nowMs);
    if (this.#limit !== null) this.#limit.tokens -= 1;
  }

  /** The provider took a call, whatever the result. */
  accepted(nowMs: number): void {
    const first = this.#taken[0];
    // Removes old entries rarely, and many at once.
    if (first !== undefined && first < nowMs - 2 * LEARNING_MS)
      this.#taken = this.#taken.filter((at) => at > nowMs - LEARNING_MS);
    this.#taken.push(nowMs);
  }

  /** The provider refused a call sent at `leftMs`, because there are too many. */
  refused(leftMs: number, nowMs: number, retryAfterMs: number | null): void {
    if (retryAfterMs !== null) this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + retryAfterMs);
    // Many calls refused at one limit count once.
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
