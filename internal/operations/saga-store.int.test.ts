// What an operator is told of sagas that do not move.
import { expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { listStuckSagas } from "./saga-store.ts";

test("a stuck saga is listed since it was last moved by others, with how often its undo was sent; one at rest is not", async () => {
  // given
  await using orchestrator = await TestOrchestrator.open();
  const [stuck, rests] = [await orchestrator.start(), await orchestrator.start()];
  orchestrator.now = START + POLICY.forwardDeadlineMs;
  await orchestrator.sweep();
  await orchestrator.handle(eventOf("InventoryReleased", rests));
  orchestrator.now += POLICY.resendFirstMs;
  await orchestrator.sweep();
  const { sql } = orchestrator.database;
  // then
  expect(await listStuckSagas(sql, orchestrator.now, 10)).toMatchObject([
    {
      saga_id: stuck,
      status: "COMPENSATING",
      compensation_step: "reserve",
      progress_at: START,
      resend_count: 1,
    },
  ]);
  expect(await listStuckSagas(sql, START, 10)).toEqual([]);
});
