// Redis behind three real Sentinels: the master dies, Sentinels die, an old master returns. Whoever uses Redis never waits longer than its
// time limit and never sees an error, and the new master is used soon after its promotion.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createClient } from "redis";
import { limitMetrics, RateLimits } from "../gateway/limits/rate-limits.ts";
import { OwnRedis } from "../testkit/own-redis.ts";
import { OwnSentinels } from "../testkit/own-sentinels.ts";
import { Metrics } from "./metrics.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { openRedis, type Redis } from "./redis.ts";

const TIMEOUT_MS = 500;
const WAIT_MS = 20_000;
const SENTINELS = ["sentinel-1", "sentinel-2", "sentinel-3"] as const;
const LIMITS = {
  address: 1_000_000,
  user: 0,
  addressCheckouts: 0,
  userCheckouts: 0,
  userCards: 0,
  networkCards: 0,
  userDeclines: 0,
  networkDeclines: 0,
  userOpen: 0,
};

let own: OwnSentinels;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeEach(async () => {
  own = await OwnSentinels.start();
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  process.off("unhandledRejection", note);
  await own[Symbol.asyncDispose]();
  expect(unhandled.splice(0)).toEqual([]);
});

function open(seen: { logged?: string[]; metrics?: Metrics } = {}): Redis {
  const log = (_fields: object, message: string) => void seen.logged?.push(message);
  // Its host does not count.
  const url = "redis://127.0.0.1:9";
  const { metrics = new Metrics() } = seen;
  return openRedis({
    url,
    sentinels: own.sentinels,
    timeoutMs: TIMEOUT_MS,
    log: { info: log, warn: log },
    metrics,
  });
}

async function until(isReached: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isReached())) {
    if (performance.now() > deadline) throw new Error(`not seen within ${WAIT_MS} ms: ${what}`);
    await Bun.sleep(10);
  }
}

const uses = (redis: Redis, port: number) => redis.isUp && redis.place === `127.0.0.1:${port}`;

async function connected(seen: { logged?: string[]; metrics?: Metrics } = {}): Promise<Redis> {
  const redis = open(seen);
  await redis.requireSingleServer();
  expect(uses(redis, own.portOf("redis"))).toBe(true);
  return redis;
}

/** A client of the test's, at that server. */
async function at<T>(
  port: number,
  ask: (send: (...args: string[]) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await ask(async (...args) => await client.sendCommand(args));
  } finally {
    client.destroy();
  }
}

/** Connections of ours at that server; the asking one is not ours. */
async function connections(port: number): Promise<number> {
  const list = String(await at(port, (send) => send("CLIENT", "LIST", "TYPE", "normal")));
  const pubsub = String(await at(port, (send) => send("CLIENT", "LIST", "TYPE", "pubsub")));
  // Sentinels name theirs; ours have no name.
  return `${list}${pubsub}`
    .split("\n")
    .filter((line) => / name= /.test(line) && !line.includes("cmd=client|list")).length;
}

/** Looks up ids and counts requests without a pause, as consumers and gateways do. */
class Work {
  requests = 0;
  readonly failures: unknown[] = [];
  /** Requests that were not over when a timer of twice the timeout ended. Not by the clock: the whole process may stand still for a while. */
  late = 0;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(redis: Redis) {
    const rates = new RateLimits({
      store: new RedisLimitStore(redis),
      settings: LIMITS,
      metrics: limitMetrics(new Metrics()),
    });
    const caller = { address: "192.0.2.1", client: "192.0.2.1", network: "192.0.2.0/24", userId: null };
    this.#done = (async () => {
      while (!this.#isOver) {
        const timer = setTimeout(() => (this.late += 1), 2 * TIMEOUT_MS);
        await Promise.all([
          rates.admit(caller, false),
          redis.present(["idem:test:1"]),
          redis.remember(["idem:test:1"], 60),
        ])
          .then(() => (this.requests += 1))
          .catch((error: unknown) => this.failures.push(error));
        clearTimeout(timer);
        await Bun.sleep(2);
      }
    })();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

test("the master dies while it is used: nothing fails or waits, and the new one is used; the old one returns as its replica", async () => {
  const [logged, metrics]: [string[], Metrics] = [[], new Metrics()];
  await using redis = await connected({ logged, metrics });
  const from = own.portOf("redis");
  const work = new Work(redis);
  await until(() => work.requests > 20, "work");

  await own.kill("redis");
  const to = await own.untilMoved(from);
  await until(() => uses(redis, to), "the new master is used");
  const before = work.requests;
  await until(() => work.requests > before + 20, "work goes on");

  // The old master knows nothing of the failover: until a Sentinel tells it, it says that it is a master.
  await own.startAgain("redis");
  expect(await at(from, (send) => send("ROLE"))).toContain("master");
  expect(await own.untilWatched()).toBe(to);
  await work.stop();
  expect([work.failures, work.late]).toEqual([[], 0]);
  expect(uses(redis, to)).toBe(true);
  expect(await connections(from)).toBe(0);
  expect(await connections(to)).toBe(1);

  const keys = [crypto.randomUUID(), crypto.randomUUID()];
  await redis.remember(keys.slice(0, 1), 60);
  expect(await redis.present(keys)).toEqual([true, false]);
  const exposed = (await metrics.expose()).text;
  expect(exposed).toContain(`checkout_redis_server{address="127.0.0.1:${to}"} 1`);
  expect(exposed).toContain("checkout_redis_sentinels 3");
  expect(exposed).not.toContain(`checkout_redis_server{address="127.0.0.1:${from}"}`);
  expect(logged[0]).toBe(`Redis answers: 127.0.0.1:${from} is the master`);
  expect(logged.at(-1)).toBe(`Redis answers: 127.0.0.1:${to} is the master`);
});

test("with one Sentinel hanging and one gone it goes on; after a planned move it follows the third, not the one that knows less", async () => {
  await using redis = await connected();
  const from = own.portOf("redis");
  // Cut off, so it keeps what it knows now.
  own.signal("sentinel-1", "SIGSTOP");
  await at(own.portOf("sentinel-2"), (send) => send("SENTINEL", "FAILOVER", "checkout"));
  const to = await own.untilMoved(from);
  await until(() => uses(redis, to), "the new master is used");

  // Back as the only one, with the word of before, and the old master takes writes again.
  await own.kill("sentinel-2");
  await own.kill("sentinel-3");
  await at(from, (send) => send("REPLICAOF", "NO", "ONE"));
  own.signal("sentinel-1", "SIGCONT");
  await at(own.portOf("sentinel-1"), (send) => send("PING"));
  await redis.remember(["idem:test:2"], 60);
  // More than the interval at which the Sentinels are asked.
  await Bun.sleep(6_000);
  expect(uses(redis, to)).toBe(true);
  expect(await redis.present(["idem:test:2"])).toEqual([true]);
});

test("with all Sentinels gone the master goes on being used, also after its connection was lost; a new process waits for one of them", async () => {
  const seen: string[] = [];
  await using redis = await connected({ logged: seen });
  const port = own.portOf("redis");
  for (const name of SENTINELS) await own.kill(name);
  await redis.remember(["idem:test:3"], 60);
  await at(port, (send) => send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
  // It may be back sooner than anybody looks.
  await until(() => seen.length >= 3, "the connection is lost, and there is another one");
  expect(seen[1]).toContain("Redis is skipped");
  await until(() => uses(redis, port), "connected again");
  expect(await redis.present(["idem:test:3"])).toEqual([true]);

  const logged: string[] = [];
  await using late = open({ logged });
  await late.requireSingleServer();
  expect(await late.present(["idem:test:3"])).toEqual([false]);
  await late.remember(["idem:test:3"], 60);
  const places = SENTINELS.map((name) => `127.0.0.1:${own.portOf(name)}: `);
  for (const place of places) await expect(async () => await late.ready()).toThrow(place);
  await own.startAgain("sentinel-2");
  await until(() => uses(late, port), "found by the Sentinel that is back");
  expect(logged).toEqual([`Redis answers: 127.0.0.1:${port} is the master`]);
});

test("of a name that the Sentinels do not know it says so, and Redis counts as away", async () => {
  const sentinels = own.sentinels.replace(/checkout$/, "another");
  const log = { info: () => undefined, warn: () => undefined };
  await using redis = openRedis({ url: "redis://127.0.0.1:9", sentinels, timeoutMs: TIMEOUT_MS, log });
  await redis.requireSingleServer();
  expect(await redis.present(["idem:test:4"])).toEqual([false]);
  await expect(async () => await redis.ready()).toThrow(
    /where the master another is .*No such master with that name/,
  );
});

test("connections are few, and all of them end with it", async () => {
  const logged: string[] = [];
  const redis = await connected({ logged });
  await at(own.portOf("redis"), (send) => send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
  // Not by isUp: it may be false for less than the pause between two looks.
  const isBack = () => logged.filter((line) => line.startsWith("Redis answers")).length === 2;
  await until(isBack, "lost, and connected again");
  for (const name of SENTINELS) {
    await at(own.portOf(name), (send) => send("CLIENT", "KILL", "TYPE", "pubsub"));
    await until(async () => (await connections(own.portOf(name))) === 1, `one connection to ${name}`);
  }
  expect(await connections(own.portOf("redis"))).toBe(1);
  await redis[Symbol.asyncDispose]();
  for (const name of ["redis", ...SENTINELS])
    await until(async () => (await connections(own.portOf(name))) === 0, `no connection to ${name}`);
});

test("without Sentinels, a server that is demoted under its connections counts as away until it is a master again", async () => {
  await using server = await OwnRedis.start();
  const logged: string[] = [];
  const log = (_fields: object, message: string) => void logged.push(message);
  await using redis = openRedis({
    url: server.address,
    timeoutMs: TIMEOUT_MS,
    log: { info: log, warn: log },
  });
  await redis.requireSingleServer();
  await redis.remember(["idem:test:5"], 60);
  await at(server.port, (send) => send("REPLICAOF", "127.0.0.1", "9"));
  // A read would still be answered.
  await redis.remember(["idem:test:6"], 60);
  expect(redis.isUp).toBe(false);
  await until(() => logged.some((line) => line.includes("the server is a replica")), "it says so");
  expect(await redis.present(["idem:test:5"])).toEqual([false]);
  expect(redis.isUp).toBe(false);
  await at(server.port, (send) => send("REPLICAOF", "NO", "ONE"));
  await until(() => redis.isUp, "a master again");
  expect(logged.filter((line) => line.includes("the server is a replica"))).toHaveLength(1);
});
