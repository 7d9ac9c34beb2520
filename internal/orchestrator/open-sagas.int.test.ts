// Which of a user's checkouts are offered again on another device.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { checkout, TestOrchestrator } from "../testkit/orchestrator.ts";
import { readOpenSagas } from "./status-store.ts";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

test("the user's own checkouts that have not finished, newest first", async () => {
  const { sql } = orchestrator.database;
  const user_id = Bun.randomUUIDv7();
  await using intake = orchestrator.intake();
  const start = async (client_key: string, user = user_id) =>
    (await intake.start(checkout({ user_id: user, client_key }))).saga_id;
  const first = await start("first");
  await Bun.sleep(2);
  const second = await start("second");
  const stopped = await start("stopped");
  await start("of somebody else", Bun.randomUUIDv7());
  await orchestrator.handle(eventOf("InsufficientStock", stopped));
  const open = await readOpenSagas(sql, user_id);
  expect(open.map(({ saga_id }) => saga_id)).toEqual([second, first]);
  expect(open[0]).toMatchObject({ status: "STARTED", completed_at: null });
  expect(await readOpenSagas(sql, Bun.randomUUIDv7())).toEqual([]);
});
