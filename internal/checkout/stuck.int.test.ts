// A saga that nothing moves is noticed, once in the log and for as long as it lasts in the gauge.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { StuckWatch } from "./stuck.ts";
import { findStuck } from "./stuck-store.ts";

const AFTER_MS = 5 * 60_000;

let orchestrator: TestOrchestrator;
let warnings: string[];
let gauge: number;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.now = START;
  warnings = [];
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

function watch(): StuckWatch {
  return new StuckWatch({
    afterMs: AFTER_MS,
    find: (before, limit) => findStuck(orchestrator.database.sql, before, limit),
    clock: { now: () => orchestrator.now },
    log: { warn: (fields, message) => void warnings.push(`${JSON.stringify(fields)} ${message}`) },
    meter: { gauge: () => ({ set: (_labels, value) => void (gauge = value) }) },
  });
}

test("an undo that nobody answers is stuck, however often it is sent again, and no more when it is answered", async () => {
  // given
  const one = watch();
  const id = await orchestrator.start();
  orchestrator.now += POLICY.forwardDeadlineMs;
  await orchestrator.sweep();
  // when: sent again and again
  while (orchestrator.now < START + AFTER_MS) {
    orchestrator.now += 60_000;
    await orchestrator.sweep();
  }
  orchestrator.now = START + AFTER_MS + 1;
  await one.runOnce();
  await one.runOnce();
  // then
  expect(gauge).toBe(1);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`${id} undoing reserve`);
  // when
  await orchestrator.handle(eventOf("InventoryReleased", id));
  await one.runOnce();
  // then
  expect(gauge).toBe(0);
});

test("a saga that has just been moved, a young one and one at rest are not", async () => {
  const one = watch();
  const moved = await orchestrator.start();
  const rests = await orchestrator.start();
  orchestrator.now += POLICY.forwardDeadlineMs;
  await orchestrator.sweep();
  await orchestrator.handle(eventOf("InventoryReleased", rests));
  orchestrator.now = START + AFTER_MS;
  await orchestrator.start();
  orchestrator.now += 1_000;
  await one.runOnce();
  expect([gauge, warnings.length]).toEqual([1, 1]);
  expect(warnings[0]).toContain(moved);
});
