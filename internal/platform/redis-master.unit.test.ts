// A failover in the middle of another one: the word of a Sentinel that comes while the master of before is still being met is not lost.
import { expect, test } from "bun:test";
import { list, RespServer } from "../testkit/resp-server.ts";
import { waitUntil } from "../stack/wait.ts";
import { openRedis } from "./redis.ts";

/** Below the interval at which the Sentinels are asked without news (redis-master.ts): it would hide a word that got lost. */
const TIMEOUT_MS = 3_000;
const log = { info: () => undefined, warn: () => undefined };

test("a master that is replaced while it is met is left at once", async () => {
  const asked = Promise.withResolvers<void>();
  const met = Promise.withResolvers<void>();
  const named = Promise.withResolvers<void>();
  let moved = false;
  const server = (held: Promise<void>, isMet: () => void) =>
    new RespServer(async ([name]) => {
      if (name !== "HELLO") return "+OK\r\n";
      isMet();
      await held;
      return list("role", "master");
    });
  using before = server(met.promise, () => asked.resolve());
  using after = server(Promise.resolve(), () => undefined);
  let questions = 0;
  using sentinel = new RespServer(async ([, what]) => {
    const { port, epoch } = moved ? { port: after.port, epoch: 2 } : { port: before.port, epoch: 1 };
    if (moved) {
      questions += 1;
      await named.promise;
    }
    return what === "MASTER" ? list("config-epoch", String(epoch)) : list("127.0.0.1", String(port));
  });
  const sentinels = `redis://127.0.0.1:${sentinel.port}/checkout`;
  await using redis = openRedis({ url: "redis://127.0.0.1:9", sentinels, timeoutMs: TIMEOUT_MS, log });
  await asked.promise;
  await waitUntil("it hears of moves", () => sentinel.subscriptions > 0, { timeoutMs: TIMEOUT_MS });
  // when
  moved = true;
  sentinel.publish("+switch-master", `checkout 127.0.0.1 ${before.port} 127.0.0.1 ${after.port}`);
  await waitUntil("the Sentinel is asked where to", () => questions > 0, { timeoutMs: TIMEOUT_MS });
  met.resolve();
  await waitUntil("the one before is used", () => redis.place === `127.0.0.1:${before.port}`, {
    timeoutMs: TIMEOUT_MS,
  });
  named.resolve();
  // then
  await waitUntil("the new one is used", () => redis.place === `127.0.0.1:${after.port}`, {
    timeoutMs: TIMEOUT_MS,
  });
  expect(redis.isUp).toBe(true);
});
