// When Redis is asked for duplicates, and what its answers may do.
import { expect, test } from "bun:test";
import type { Sql } from "postgres";
import { releaseInventory } from "../testkit/commands.ts";
import { ignore, noMeter } from "../testkit/noop-telemetry.ts";
import { ASK_FOR_MS, DedupCache } from "./dedup-cache.ts";
import { consumerMetrics } from "./telemetry.ts";

const message = releaseInventory(Bun.randomUUIDv7());
const DELIVERY = {
  message,
  value: message,
  raw: () => {
    throw new Error("nobody needs the bytes");
  },
};

/** A cache over a Redis that has seen everything, if `seen`, and a database whose inbox has `inbox`. */
function cacheOf({ seen = false, inbox = [] }: { seen?: boolean; inbox?: readonly string[] } = {}) {
  const state = { now: 0, asked: 0 };
  const sql = async () => inbox.map((message_id) => ({ message_id }));
  const cache = new DedupCache({
    keyValue: {
      present: async (keys) => {
        state.asked += 1;
        return keys.map(() => seen);
      },
      remember: async () => ignore(),
    },
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- it is only called as a tag
    sql: sql as unknown as Sql,
    service: "inventory",
    metrics: consumerMetrics(noMeter),
    monotonic: () => state.now,
  });
  return { cache, state };
}

test("Redis is asked for a while after the start, and again after each duplicate, wherever it was found", async () => {
  const { cache, state } = cacheOf();
  const asks = async (now: number) => {
    [state.now, state.asked] = [now, 0];
    expect(await cache.withoutSeen([DELIVERY])).toEqual([DELIVERY]);
    return state.asked === 1;
  };
  expect(await asks(0)).toBe(true);
  expect(await asks(ASK_FOR_MS)).toBe(true);
  expect(await asks(ASK_FOR_MS + 1)).toBe(false);
  cache.found(0);
  expect(await asks(ASK_FOR_MS + 2)).toBe(false);
  cache.found(1);
  expect(await asks(ASK_FOR_MS + 3)).toBe(true);
  expect(await asks(2 * ASK_FOR_MS + 2)).toBe(true);
  expect(await asks(2 * ASK_FOR_MS + 3)).toBe(false);
});

test("a duplicate that Redis has seen and the inbox confirms is dropped, and Redis is asked for longer", async () => {
  const { cache, state } = cacheOf({ seen: true, inbox: [message.message_id] });
  state.now = ASK_FOR_MS;
  expect(await cache.withoutSeen([DELIVERY])).toEqual([]);
  state.now = 2 * ASK_FOR_MS;
  expect(await cache.withoutSeen([DELIVERY])).toEqual([]);
});

test("a message that only Redis has seen is handled, and is no reason to ask for longer", async () => {
  const { cache, state } = cacheOf({ seen: true });
  state.now = ASK_FOR_MS;
  expect(await cache.withoutSeen([DELIVERY])).toEqual([DELIVERY]);
  state.now += 1;
  state.asked = 0;
  await cache.withoutSeen([DELIVERY]);
  expect(state.asked).toBe(0);
});
