// A role that stops while it still connects leaves no connection to Redis or to a Sentinel.
import { expect, test } from "bun:test";
import { RespServer } from "../testkit/resp-server.ts";
import { waitUntil } from "../stack/wait.ts";
import { openRedis } from "./redis.ts";

const TIMEOUT_MS = 3_000;
const log = { info: () => undefined, warn: () => undefined };

test.each(["Redis", "Sentinel"])("closed while a connection to a %s is made", async (kind) => {
  using server = new RespServer(() => "+OK\r\n");
  const address = `redis://127.0.0.1:${server.port}`;
  const redis =
    kind === "Redis"
      ? openRedis({ url: address, log })
      : openRedis({ url: "redis://127.0.0.1:9", sentinels: `${address}/checkout`, log });
  await redis[Symbol.asyncDispose]();
  await waitUntil("the connection was made and has ended", () => server.accepted === 1 && server.open === 0, {
    timeoutMs: TIMEOUT_MS,
  });
  expect(server.accepted).toBe(1);
});
