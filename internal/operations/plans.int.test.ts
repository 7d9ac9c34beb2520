// What a plan reads of a long topic.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Databases } from "./replay-facts.ts";
import { reserveInventory } from "../testkit/commands.ts";
import { testContext } from "../testkit/bulk.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { errorOf } from "../testkit/kafka.ts";
import { MAX_PLAN_ITEMS } from "./plan.ts";
import { previewPlan } from "./plans.ts";

let saga: TestDatabase;
beforeAll(async () => {
  saga = await cloneDatabase("saga");
});
afterAll(() => saga[Symbol.asyncDispose]());

test("a plan that would be too large is refused as soon as that is known, and the rest is not read", async () => {
  const perBatch = 1_000;
  let batches = 0;
  async function* endless() {
    for (; batches < 100; batches += 1) {
      const values = Array.from({ length: perBatch }, () =>
        deadLetterOf(reserveInventory(Bun.randomUUIDv7(), [["tea", 1]]), { service: "inventory" }),
      );
      yield { values, undecodable: [] };
    }
  }
  // A discard asks only the saga database.
  const { sql } = saga;
  const databases: Databases = { saga: sql, inventory: sql, payment: sql, order: sql };
  const context = { ...testContext(databases, []), readDeadLetters: endless };
  const planning = previewPlan(context, {
    kind: "dead-letter.discard",
    filter: {},
    everything: true,
    ratePerSecond: 1,
    maxErrorRate: 0,
    waitMs: 1,
  });
  expect(await errorOf(planning)).toMatchObject({
    refusal: "too-many",
    message: expect.stringContaining(`more than ${MAX_PLAN_ITEMS} dead letters match`),
  });
  expect(batches).toBe(MAX_PLAN_ITEMS / perBatch);
});
