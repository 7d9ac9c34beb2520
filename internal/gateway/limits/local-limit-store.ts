// Counts checkouts in this process, while Redis is away and each gateway counts by itself. Called by shopping-limits.ts.
import type { CheckoutCounts, CountedSet, FullSet, LimitStore } from "../../kernel/limit-store.ts";
import type { Clock } from "../../kernel/ports.ts";
import { RecentlyUsed } from "../../kernel/recently-used.ts";

/** Subjects that one gateway remembers while Redis is away. */
const MAX_LOCAL_SETS = 20_000;

type LocalSet = Map<string, number>;

/** The sets of one process. `increment` is left to the rate limiter's own memory. */
export class LocalLimitStore implements Omit<LimitStore, "increment"> {
  readonly #clock: Clock;
  /** Members with their expiry, epoch ms. */
  readonly #sets = new RecentlyUsed<string, LocalSet>(MAX_LOCAL_SETS);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async checkout({ cards, others, method, now, windowMs }: CheckoutCounts): Promise<FullSet | null> {
    const isFull = ({ key, limit }: CountedSet) => this.#live(key).size >= limit;
    const full =
      others.find((set) => isFull(set)) ??
      cards.find((set) => isFull(set) && !this.#live(set.key).has(method));
    if (full !== undefined) {
      const soonest = Math.min(...this.#live(full.key).values());
      return { key: full.key, msBeforeNext: Math.max(0, soonest - now) };
    }
    for (const { key } of cards) if (!this.#live(key).has(method)) await this.add(key, method, now, windowMs);
    return null;
  }

  async add(key: string, member: string, now: number, windowMs: number): Promise<void> {
    const set = this.#live(key);
    set.set(member, now + windowMs);
    this.#sets.set(key, set);
  }

  async remove(key: string, member: string): Promise<void> {
    this.#sets.get(key)?.delete(member);
  }

  /** The set without what has expired. */
  #live(key: string): LocalSet {
    const set = this.#sets.get(key) ?? new Map<string, number>();
    const now = this.#clock.now();
    for (const [member, expiresAt] of set) if (expiresAt <= now) set.delete(member);
    return set;
  }
}
