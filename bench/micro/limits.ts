// `bun bench/micro/limits.ts REDIS_URL`: what the gateway's limits cost per request, in CPU of the gateway and of Redis and in time.
// Needs a Redis that does nothing else; its keys `rl:*` are removed. Results are in docs/performance.md.
import { createClient } from "redis";
import { RateLimits, limitMetrics } from "../../internal/gateway/limits/rate-limits.ts";
import { ShoppingLimits } from "../../internal/gateway/limits/shopping-limits.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { RedisLimitStore } from "../../internal/platform/redis-limit-store.ts";
import { Metrics } from "../../internal/platform/metrics.ts";
import { openRedis } from "../../internal/platform/redis.ts";
import { OUT_OF_REACH } from "./out-of-reach.ts";

const CALLS = 40_000;
const WARM_UP_CALLS = 10_000;
const USERS = 1_000;

const [url] = process.argv.slice(2);
if (url === undefined) {
  console.error("usage: bun bench/micro/limits.ts REDIS_URL");
  process.exit(2);
}
const log = { info: () => undefined, warn: () => undefined };
const redis = openRedis({ url, timeoutMs: 1_000, log });
await redis.requireSingleServer();
await redis.ready();
const admin = createClient({ url });
await admin.connect();

const shared = {
  store: new RedisLimitStore(redis),
  settings: OUT_OF_REACH,
  metrics: limitMetrics(new Metrics()),
};
const rates = new RateLimits(shared);
const shopping = new ShoppingLimits({ ...shared, clock: systemClock });
const users = Array.from({ length: USERS }, () => Bun.randomUUIDv7());

function callerOf(call: number) {
  const address = `10.0.${Math.floor(call / 250) % 4}.${call % 250}`;
  return { address, client: address, network: "10.0.0", userId: users[call % USERS] ?? "" };
}

const WORK: Readonly<Record<string, (call: number) => Promise<unknown>>> = {
  "any request": (call) => rates.admit(callerOf(call), false),
  checkout: async (call) => {
    const caller = callerOf(call);
    await rates.admit(caller, true);
    await shopping.checkout(caller, "pm_card_visa", async () => null);
    await shopping.accepted(caller, `saga-${call}`);
  },
  "status of a finished checkout": async (call) => {
    const caller = callerOf(call);
    await rates.admit(caller, false);
    await shopping.seen(caller, {
      saga_id: `saga-${call}`,
      failure_code: null,
      completed_at: "2026-01-01T00:00:00.000Z",
    });
  },
};

/** Microseconds of CPU of Redis since its start. */
async function redisCpu(): Promise<number> {
  const info = await admin.info("cpu");
  const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, value]) => Number(value));
  return seconds.reduce((sum, value) => sum + value, 0) * 1_000_000;
}

async function run(
  work: (call: number) => Promise<unknown>,
  calls: number,
  callers: number,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const caller = async () => {
    while (next < calls) {
      const call = next++;
      const begun = performance.now();
      await work(call);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return times.toSorted((a, b) => a - b);
}

const rows = [];
for (const [name, work] of Object.entries(WORK))
  for (const callers of [1, 32, 256]) {
    await run(work, WARM_UP_CALLS, callers);
    const before = { own: process.cpuUsage(), redis: await redisCpu() };
    const times = await run(work, CALLS, callers);
    const own = process.cpuUsage(before.own);
    const micros = (value: number) => Number((value / CALLS).toFixed(1));
    const at = (share: number) => Number((times[Math.floor(CALLS * share)] ?? 0).toFixed(2));
    rows.push({
      request: name,
      "at the same time": callers,
      "gateway CPU, us": micros(own.user + own.system),
      "Redis CPU, us": micros((await redisCpu()) - before.redis),
      "p50, ms": at(0.5),
      "p99, ms": at(0.99),
    });
  }
console.table(rows);
const keys = await admin.keys("rl:*");
await Promise.all(keys.map((key) => admin.del(key)));
await admin.close();
await redis[Symbol.asyncDispose]();
