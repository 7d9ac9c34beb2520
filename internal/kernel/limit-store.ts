// The port of the counters behind the gateway's limits. The adapter in internal/platform counts in Redis, for all gateways.

/** What a checkout must find room in. Each member of a set has its own expiry. */
export interface CheckoutCounts {
  /** Sets of payment methods, one per subject. `method` is added to all for `windowMs`, unless one of them is full without it. */
  readonly cards: readonly CountedSet[];
  readonly method: string;
  /** Sets that are only looked at. */
  readonly others: readonly CountedSet[];
  /** Epoch ms. */
  readonly now: number;
  readonly windowMs: number;
}

export interface CountedSet {
  readonly key: string;
  readonly limit: number;
}

/** A set that is full, and when it has room again, in ms. */
export interface FullSet {
  readonly key: string;
  readonly msBeforeNext: number;
}

/** Every method of the one in Redis throws REDIS_UNAVAILABLE while Redis does not answer. */
export interface LimitStore {
  /** Adds `points` to a counter that ends `seconds` after its first point. Returns the sum and the ms that are left. */
  increment(key: string, points: number, seconds: number): Promise<readonly [sum: number, ms: number]>;
  /** The first set that is full, else null; then the payment method is counted. */
  checkout(counts: CheckoutCounts): Promise<FullSet | null>;
  /** Adds `member` until `now + windowMs`. */
  add(key: string, member: string, now: number, windowMs: number): Promise<void>;
  remove(key: string, member: string): Promise<void>;
}
