// How many mails per second the mail server gets: no limit until it says "too much", then the rate it just accepted, and from there
// slowly more. The increase is additive, as in TCP. The decrease goes to the measured rate, not to half, so that a fixed limit is used
// almost fully. Pure: the time is an argument, in ms. Called by courier.ts.

const MEASURED_MS = 1_000;
/** Later "too much" replies in this time answer mails that were already in flight: they count as one. */
const ONE_EVENT_MS = 500;
/** One mail in 5 s: even a server that accepts nothing must be tried. */
const LEAST_PER_SECOND = 0.2;
/** Above this rate there is no limit. */
const MOST_PER_SECOND = 1_000;
const SHARE_OF_MEASURED = 0.95;
/** Each second of full use the rate grows by this share, by at least half a mail per second. */
const GROWTH_SHARE = 0.03;
const GROWTH_LEAST = 0.5;

export class Pace {
  #perSecond = Number.POSITIVE_INFINITY;
  #tokens = 0;
  #refilledAt = 0;
  #slowedAt = Number.NEGATIVE_INFINITY;
  #accepted: number[] = [];

  /** Mails per second; Infinity while there is no limit. */
  get perSecond(): number {
    return this.#perSecond;
  }

  /** Whether one more mail may go now. If so, counts it. */
  take(now: number): boolean {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return true;
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until `take` may return true. */
  waitMs(now: number): number {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return 0;
    this.#refill(now);
    return Math.max(0, ((1 - this.#tokens) / this.#perSecond) * 1_000);
  }

  /** The server has accepted a mail. */
  accepted(now: number): void {
    this.#measure(now);
    this.#accepted.push(now);
    if (this.#perSecond === Number.POSITIVE_INFINITY) return;
    this.#perSecond += Math.max(GROWTH_LEAST, this.#perSecond * GROWTH_SHARE) / this.#perSecond;
    if (this.#perSecond > MOST_PER_SECOND) this.#perSecond = Number.POSITIVE_INFINITY;
  }

  /** The server has said "too much". */
  slower(now: number): void {
    if (now - this.#slowedAt < ONE_EVENT_MS) return;
    this.#slowedAt = now;
    this.#measure(now);
    const measured = (this.#accepted.length * 1_000) / MEASURED_MS;
    const half = this.#perSecond === Number.POSITIVE_INFINITY ? 0 : this.#perSecond / 2;
    this.#perSecond = Math.max(
      LEAST_PER_SECOND,
      Math.min(this.#perSecond, Math.max(measured * SHARE_OF_MEASURED, half)),
    );
    this.#tokens = 0;
    this.#refilledAt = now;
  }

  #refill(now: number): void {
    const grown = (Math.max(0, now - this.#refilledAt) * this.#perSecond) / 1_000;
    // No burst after a quiet time: at most a tenth of a second's worth.
    this.#tokens = Math.min(Math.max(1, this.#perSecond / 10), this.#tokens + grown);
    this.#refilledAt = now;
  }

  #measure(now: number): void {
    this.#accepted = this.#accepted.filter((at) => now - at < MEASURED_MS);
  }
}
