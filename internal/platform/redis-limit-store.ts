// The counters behind the gateway's limits, in Redis: see the port. Opened by cmd/gateway.
import type { CheckoutCounts, FullSet, LimitStore } from "../kernel/limit-store.ts";
import type { CountedPoints } from "./limit-scripts.ts";
import type { Redis } from "./redis.ts";

/** Redis serves nobody else during a command, so a burst of requests must not become one long command. */
const COUNTERS_PER_COMMAND = 64;

type Count = readonly [sum: number, ms: number];

interface WaitingCount extends CountedPoints {
  readonly settle: PromiseWithResolvers<Count>;
}

export class RedisLimitStore implements LimitStore {
  readonly #redis: Redis;
  readonly #waiting: WaitingCount[] = [];

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** The counters of all requests that one turn of the event loop reads travel together: at both ends the cost is per command. */
  increment(key: string, points: number, seconds: number): Promise<Count> {
    const settle = Promise.withResolvers<Count>();
    if (this.#waiting.length === 0) setImmediate(() => this.#countWaiting());
    this.#waiting.push({ key, points, seconds, settle });
    return settle.promise;
  }

  #countWaiting(): void {
    while (this.#waiting.length > 0) void this.#count(this.#waiting.splice(0, COUNTERS_PER_COMMAND));
  }

  async #count(waiting: readonly WaitingCount[]): Promise<void> {
    try {
      const counts = await this.#redis.run("limit", (client) => client.countPoints(waiting));
      for (const [i, { settle }] of waiting.entries())
        settle.resolve([counts[2 * i] ?? 0, counts[2 * i + 1] ?? 0]);
    } catch (error) {
      for (const { settle } of waiting) settle.reject(error);
    }
  }

  async checkout({ cards, others, method, now, windowMs }: CheckoutCounts): Promise<FullSet | null> {
    const sets = [...others, ...cards];
    if (sets.length === 0) return null;
    const keys = sets.map(({ key }) => key);
    const args = [now, windowMs, method, others.length, ...sets.map(({ limit }) => limit)];
    const [position = 0, msBeforeNext = 0] = await this.#redis.run("limit", (client) =>
      client.takeRoom(keys, args),
    );
    const full = sets[position - 1];
    return full === undefined ? null : { key: full.key, msBeforeNext };
  }

  async add(key: string, member: string, now: number, windowMs: number): Promise<void> {
    await this.#redis.run("limit", (client) => client.addUntil(key, member, now + windowMs, windowMs));
  }

  async remove(key: string, member: string): Promise<void> {
    await this.#redis.run("limit", (client) => client.zRem(key, member));
  }
}
