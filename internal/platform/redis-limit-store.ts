// The counters behind the gateway's limits, in Redis: see the port. Opened by cmd/gateway.
import type { CheckoutCounts, FullSet, LimitStore } from "../kernel/limit-store.ts";
import type { Redis } from "./redis.ts";

export class RedisLimitStore implements LimitStore {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async increment(key: string, points: number, seconds: number): Promise<readonly [number, number]> {
    const [sum = 0, ms = 0] = await this.#redis.run("limit", (client) =>
      client.countPoints(key, points, seconds),
    );
    return [sum, ms];
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
