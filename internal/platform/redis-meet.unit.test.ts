// What a server says of itself, and whether it is used, with users that may send neither INFO nor ROLE.
import { expect, test } from "bun:test";
import { waitUntil } from "../stack/wait.ts";
import { list, RespServer } from "../testkit/resp-server.ts";
import { openRedis } from "./redis.ts";

const TIMEOUT_MS = 3_000;
const NOPERM = "-NOPERM this user has no permissions to run this command\r\n";

/** Says `hello`, and lets its user do nothing but PING. */
function serverOf(hello: string): RespServer {
  return new RespServer(([name]) => (name === "HELLO" ? hello : name === "PING" ? "+PONG\r\n" : NOPERM));
}

async function met(hello: string) {
  using server = serverOf(hello);
  const logged: string[] = [];
  const note = (_: object, text: string) => void logged.push(text);
  await using redis = openRedis({
    url: `redis://127.0.0.1:${server.port}`,
    timeoutMs: TIMEOUT_MS,
    log: { info: note, warn: note },
  });
  await waitUntil("it was met", () => logged.length > 0, { timeoutMs: TIMEOUT_MS });
  return { isUp: redis.isUp, uncertain: redis.uncertain, logged };
}

test("a master is used", async () => {
  const hello = list("version", "7.0.15", "mode", "standalone", "role", "master");
  expect(await met(hello)).toEqual({ isUp: true, uncertain: null, logged: ["Redis answers"] });
});

test.each([
  ["a replica", list("mode", "standalone", "role", "replica"), "the server is a replica"],
  ["a node of a cluster", list("mode", "cluster", "role", "master"), "a node of a Redis Cluster"],
  ["a Sentinel", list("mode", "sentinel"), "points to a Sentinel: set REDIS_SENTINELS"],
])("%s is not used", async (_what, hello, why) => {
  const { isUp, logged } = await met(hello);
  expect(isUp).toBe(false);
  expect(logged).toEqual([expect.stringContaining(why)]);
});

test.each([
  ["names no role", list("version", "7"), "HELLO names no role"],
  ["does not answer the question", "-ERR unknown command 'HELLO'\r\n", "ERR unknown command"],
])("a server that %s is used, and said to be uncertain", async (_what, hello, why) => {
  const { isUp, uncertain, logged } = await met(hello);
  expect(isUp).toBe(true);
  expect(uncertain).toContain(why);
  expect(logged).toEqual([expect.stringContaining(`does not say whether it is a master (`), "Redis answers"]);
});

test("a server that has become a replica without a master is met anew", async () => {
  let role = "master";
  using server = new RespServer(([name]) => {
    if (name === "HELLO") return list("role", role);
    return name === "PING" ? "+PONG\r\n" : "-MASTERDOWN Link with MASTER is down\r\n";
  });
  const log = { info: () => undefined, warn: () => undefined };
  await using redis = openRedis({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: TIMEOUT_MS, log });
  await waitUntil("it is used", () => redis.isUp, { timeoutMs: TIMEOUT_MS });
  role = "replica";
  expect(await redis.present(["a"])).toEqual([false]);
  // It answers pings.
  await Bun.sleep(1_300);
  await expect(redis.ready()).rejects.toThrow("the server is a replica");
});

test("a server with an IPv6 address is reached, and gets no commands but those that count", async () => {
  const seen: string[] = [];
  using server = new RespServer(([name = "", ...rest]) => {
    seen.push([name, ...rest].join(" "));
    return name === "HELLO" ? list("role", "master") : NOPERM;
  });
  const log = { info: () => undefined, warn: () => undefined };
  const url = `redis://[::ffff:127.0.0.1]:${server.port}`;
  await using redis = openRedis({ url, timeoutMs: TIMEOUT_MS, log });
  await waitUntil("it is used", () => redis.isUp, { timeoutMs: TIMEOUT_MS });
  expect(redis.place).toBe(`127.0.0.1:${server.port}`);
  expect(seen).toEqual(["HELLO"]);
});
