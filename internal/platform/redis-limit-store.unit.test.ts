// What of the limits travels to Redis together.
import { expect, test } from "bun:test";
import { waitUntil } from "../stack/wait.ts";
import { list, RespServer } from "../testkit/resp-server.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { openRedis } from "./redis.ts";

const TIMEOUT_MS = 3_000;

/** Answers each script with as many numbers as it has keys, twice, and keeps what was sent. */
async function opened() {
  const sent: string[][] = [];
  const server = new RespServer(([name = "", , ...rest]) => {
    if (name === "HELLO") return list("role", "master");
    if (name !== "EVALSHA") return "+OK\r\n";
    const keys = Number(rest[0]);
    sent.push(rest.slice(1, 1 + keys));
    const numbers = Array.from({ length: 2 * keys }, (_, index) => `:${index + 1}\r\n`);
    return `*${numbers.length}\r\n${numbers.join("")}`;
  });
  const log = { info: () => undefined, warn: () => undefined };
  const redis = openRedis({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: TIMEOUT_MS, log });
  await waitUntil("Redis answers", () => redis.isUp, { timeoutMs: TIMEOUT_MS });
  return {
    sent,
    store: new RedisLimitStore(redis),
    async [Symbol.asyncDispose]() {
      await redis[Symbol.asyncDispose]();
      server[Symbol.dispose]();
    },
  };
}

test("counters that are asked for in one turn of the event loop travel in one command", async () => {
  await using used = await opened();
  const { sent, store } = used;
  const first = ["a", "b"].map((key) => store.increment(key, 1, 60));
  // Another request of the same turn.
  await Promise.resolve();
  const second = store.increment("c", 1, 60);
  expect(await Promise.all([...first, second])).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(await store.increment("d", 1, 60)).toEqual([1, 2]);
  expect(sent).toEqual([["a", "b", "c"], ["d"]]);
});

test("no command is so large that Redis would serve nobody else for long", async () => {
  await using used = await opened();
  const { sent, store } = used;
  await Promise.all(Array.from({ length: 130 }, (_, index) => store.increment(`k${index}`, 1, 60)));
  expect(sent.map((keys) => keys.length)).toEqual([64, 64, 2]);
});
