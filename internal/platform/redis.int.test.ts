// Redis as dedup cache: correct while it answers, harmless and cheap while it does not.
import { describe, expect, test } from "bun:test";
import { createClient } from "redis";
import { AppError } from "../kernel/errors.ts";
import { startClusterNode } from "../testkit/redis-cluster.ts";
import { redisUrl } from "../testkit/servers.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { Metrics } from "./metrics.ts";
import { type Redis, openRedis } from "./redis.ts";

/** A slow reply of a busy machine must not count as none. */
const PATIENCE_MS = 30_000;
/** For a server that never replies. */
const TIMEOUT_MS = 1_000;
const WAIT_MS = 30_000;

interface Opened {
  readonly logged?: string[];
  readonly metrics?: Metrics;
  readonly timeoutMs?: number;
}

function open(url: string, { logged, metrics = new Metrics(), timeoutMs = PATIENCE_MS }: Opened = {}): Redis {
  const note = (_fields: object, message: string) => void logged?.push(message);
  return openRedis({ url, timeoutMs, log: { info: note, warn: note }, metrics });
}

async function startProxy(): Promise<TcpProxy> {
  const { hostname, port } = new URL(redisUrl());
  return TcpProxy.start({ host: hostname, port: Number(port || 6_379) }, 0);
}

async function until(isReached: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isReached())) {
    if (performance.now() > deadline) throw new Error(`Redis was not seen ${what} within ${WAIT_MS} ms`);
    await Bun.sleep(10);
  }
}

const isUp = (redis: Redis): Promise<boolean> =>
  redis.ready().then(
    () => true,
    () => false,
  );

function freshKeys(count: number): string[] {
  const run = crypto.randomUUID();
  return Array.from({ length: count }, (_, index) => `idem:test:${run}:${index}`);
}

describe("while it answers", () => {
  test("remembers keys for their lifetime, and no others", async () => {
    await using redis = open(redisUrl());
    await until(() => isUp(redis), "up");
    const keys = freshKeys(3);
    expect(await redis.present(keys)).toEqual([false, false, false]);
    await redis.remember(keys.slice(0, 2), 60);
    expect(await redis.present(keys)).toEqual([true, true, false]);
    const client = createClient({ url: redisUrl() });
    await client.connect();
    expect(await client.ttl(keys[0] ?? "")).toBeWithin(58, 61);
    await client.close();
  });

  test("accepts more keys than fit one command, and an empty list", async () => {
    await using redis = open(redisUrl());
    await until(() => isUp(redis), "up");
    const keys = freshKeys(2_500);
    await redis.remember(keys, 60);
    const found = await redis.present([...keys, "idem:test:other"]);
    expect(found.filter(Boolean)).toHaveLength(2_500);
    expect(found.at(-1)).toBe(false);
    expect(await redis.present([])).toEqual([]);
    await redis.remember([], 60);
  });
});

describe("a node of a cluster", () => {
  test("is refused at start, and not used if it appears later", async () => {
    await using cluster = await startClusterNode();
    const logged: string[] = [];
    await using redis = open(cluster.url, { logged });
    await expect(redis.requireSingleServer()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(redis.ready()).rejects.toThrow("Redis Cluster");
    expect(await redis.present(["a", "b"])).toEqual([false, false]);
    expect(logged).toEqual([expect.stringContaining("REDIS_URL points to a node of a Redis Cluster")]);
  });

  test("is refused at start, also if it answers later than a call may take", async () => {
    await using cluster = await startClusterNode();
    await using proxy = await TcpProxy.start(
      { host: "127.0.0.1", port: Number(new URL(cluster.url).port) },
      100,
    );
    await using redis = open(`redis://127.0.0.1:${proxy.port}`, { timeoutMs: 50 });
    await expect(redis.requireSingleServer()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("is not found on a single server, without a server, or on one that hangs", async () => {
    await using single = open(redisUrl());
    await single.requireSingleServer();
    await single.ready();
    await using nobody = open("redis://127.0.0.1:9");
    await nobody.requireSingleServer();
    await using proxy = await startProxy();
    proxy.stall();
    await using hanging = open(`redis://127.0.0.1:${proxy.port}`, { timeoutMs: TIMEOUT_MS });
    await hanging.requireSingleServer();
    await expect(hanging.ready()).rejects.toThrow("no answer within");
  });
});

describe("while it does not answer", () => {
  test("from the start: no key is present, no call throws, readiness gives the reason", async () => {
    const proxy = await startProxy();
    await proxy[Symbol.asyncDispose]();
    await using redis = open(`redis://127.0.0.1:${proxy.port}`);
    expect(await redis.present(["a", "b"])).toEqual([false, false]);
    await redis.remember(["a"], 60);
    const error = await redis.ready().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(AppError);
  });

  test("when paused: one call waits for the timeout, the next ones do not; it recovers by itself", async () => {
    await using proxy = await startProxy();
    const logged: string[] = [];
    const metrics = new Metrics();
    await using redis = open(`redis://127.0.0.1:${proxy.port}`, { logged, metrics, timeoutMs: TIMEOUT_MS });
    await until(() => isUp(redis), "up");
    const keys = freshKeys(2);
    await redis.remember(keys, 60);
    proxy.stall();
    expect(await redis.present(keys)).toEqual([false, false]);
    const skip = async () => {
      for (let call = 0; call < 100; call++) await redis.present(keys);
      return "skipped";
    };
    // None of them waits for a timer, let alone for a reply.
    expect(await Promise.race([skip(), Bun.sleep(1).then(() => "waited")])).toBe("skipped");
    expect((await metrics.expose()).text).toContain('checkout_redis_failures_total{operation="present"} 101');
    proxy.resume();
    await until(() => isUp(redis), "up");
    expect(await redis.present(keys)).toEqual([true, true]);
    expect(logged).toEqual([
      "Redis answers",
      `Redis is skipped until it answers again: no answer within ${TIMEOUT_MS} ms`,
      "Redis answers",
    ]);
  });

  test("when connections break: reconnects and continues", async () => {
    await using proxy = await startProxy();
    const logged: string[] = [];
    await using redis = open(`redis://127.0.0.1:${proxy.port}`, { logged });
    await until(() => logged.length === 1, "connected");
    const keys = freshKeys(1);
    await redis.remember(keys, 60);
    proxy.cut();
    await until(() => logged.length === 3, "lost and connected again");
    expect(logged[1]).toContain("Redis is skipped until it answers again");
    expect(await redis.present(keys)).toEqual([true]);
  });

  test("when Redis replies with an error: it is skipped, and keys count as not present", async () => {
    await using redis = open(redisUrl());
    await until(() => isUp(redis), "up");
    await redis.remember(["idem:test:x"], -1);
    await until(async () => !(await isUp(redis)), "down");
    expect(await redis.present(["idem:test:x"])).toEqual([false]);
  });
});
