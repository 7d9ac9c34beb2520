// Deadlines on a real Postgres: sagas start to compensate by themselves, undos are sent again, and replicas share the work.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { lockSagas } from "./store.ts";

const LATE = START + POLICY.forwardDeadlineMs;

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.now = START;
  orchestrator.verdicts.length = 0;
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

const startMany = (count: number) => Promise.all(Array.from({ length: count }, () => orchestrator.start()));

test("a saga starts to compensate at its deadline, not a millisecond before", async () => {
  const id = await orchestrator.start();
  orchestrator.now = LATE - 1;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
  orchestrator.now = LATE;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
  expect((await orchestrator.saga(id)).position).toMatchObject({
    kind: "compensating",
    at: "reserve",
    undoing: "reserve",
    failure: { code: "DEADLINE_EXCEEDED" },
    resends: 0,
  });
  expect(await orchestrator.messageTypes(id)).toEqual(["ReserveInventory", "ReleaseInventory"]);
  expect((await orchestrator.history(id)).at(-1)).toEqual({
    from_status: "STARTED",
    to_status: "COMPENSATING",
    step: "reserve",
    message_type: "DeadlinePassed",
    note: "DEADLINE_EXCEEDED",
  });
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
});

test("a checkout started by a clock an hour ahead gets a new deadline when the clock is corrected", async () => {
  const HOUR_MS = 60 * 60 * 1_000;
  orchestrator.now = START + HOUR_MS;
  const id = await orchestrator.start();
  orchestrator.now = START;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
  orchestrator.now = LATE - 1;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
  orchestrator.now = LATE;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
  expect((await orchestrator.saga(id)).position.kind).toBe("compensating");
});

test("an undo without a reply is sent again with growing delays and needs an operator; the reply ends it", async () => {
  const id = await orchestrator.start();
  orchestrator.now = LATE;
  await orchestrator.sweep();
  const pauses = [];
  const flags = [];
  for (let resends = 1; resends <= 5; resends += 1) {
    const { deadline_at } = await orchestrator.saga(id);
    pauses.push((deadline_at ?? 0) - orchestrator.now);
    orchestrator.now = deadline_at ?? 0;
    expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
    flags.push((await orchestrator.saga(id)).needs_operator);
  }
  expect(pauses).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
  expect(flags).toEqual([false, false, true, true, true]);
  const undos = (await orchestrator.messages(id)).filter(({ type }) => type === "ReleaseInventory");
  expect(undos.length).toBe(6);
  // Each is a message of its own, or the inbox of the service would drop it. The key of the effect stays the same.
  expect(new Set(undos.map(({ message_id }) => message_id)).size).toBe(6);
  await orchestrator.handle(eventOf("InventoryReleased", id));
  expect((await orchestrator.saga(id)).position.kind).toBe("compensated");
  orchestrator.now += 1_000_000;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
});

test("bounded batches take the longest overdue first", async () => {
  const ids = [];
  for (let age = 0; age < 3; age += 1) {
    orchestrator.now = START - age;
    ids.unshift(await orchestrator.start());
  }
  orchestrator.now = LATE;
  for (const id of ids) {
    expect(await orchestrator.sweep(1)).toMatchObject({ processed: 1 });
    expect((await orchestrator.saga(id)).position.kind).toBe("compensating");
  }
  expect(await orchestrator.sweep(1)).toMatchObject({ processed: 0 });
});

test("replicas that sweep at once move each saga once", async () => {
  const ids = await startMany(200);
  orchestrator.now = LATE;
  let processed = 0;
  const sweeper = async () => {
    for (let last = 1; last > 0; processed += last) ({ processed: last } = await orchestrator.sweep(30));
  };
  await Promise.all([sweeper(), sweeper(), sweeper(), sweeper()]);
  expect(processed).toBe(200);
  const types = await orchestrator.messageTypes();
  expect(types.filter((type) => type === "ReleaseInventory").length).toBe(200);
  for (const id of ids) expect((await orchestrator.history(id)).length).toBe(2);
});

test("a saga that an event is moving is left to the next run", async () => {
  const [moving, other] = [await orchestrator.start(), await orchestrator.start()];
  orchestrator.now = LATE;
  await orchestrator.database.postgres.transaction(async ({ tx, send, finish }) => {
    await send([lockSagas(tx, [moving])]);
    expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
    await finish([]);
  });
  expect((await orchestrator.saga(other)).position.kind).toBe("compensating");
  expect((await orchestrator.saga(moving)).position.kind).toBe("forward");
  expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
});

test("a race of a deadline and the last success has one of the two outcomes, never a mixture", async () => {
  const ids = await startMany(40);
  for (const type of ["InventoryReserved", "PaymentSucceeded", "ReservationConfirmed"] as const)
    await orchestrator.handle(...ids.map((id) => eventOf(type, id)));
  orchestrator.now = LATE;
  await Promise.all([
    ...ids.map((id) => orchestrator.handle(eventOf("OrderCreated", id))),
    ...Array.from({ length: 8 }, () => orchestrator.sweep(10)),
  ]);
  for (const id of ids) {
    const { position } = await orchestrator.saga(id);
    const sent = (await orchestrator.messageTypes(id)).slice(4);
    expect([position.kind, sent]).toBeOneOf([
      ["completed", ["SendNotification"]],
      ["compensating", ["CancelOrder"]],
    ]);
  }
});

test("a saga on a table that this binary does not know is left to one that does", async () => {
  const [foreign, own] = [await orchestrator.start(), await orchestrator.start()];
  await orchestrator.database.sql`update saga_state set table_version = 99 where saga_id = ${foreign}`;
  orchestrator.now = LATE;
  expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
  expect((await orchestrator.saga(own)).position.kind).toBe("compensating");
});

test("the observer hears of a decision only after its commit", async () => {
  await startMany(3);
  orchestrator.now = LATE;
  const { sql } = orchestrator.database;
  await sql`alter table outbox add constraint no_undo check (headers->>'type' <> 'ReleaseInventory') not valid`;
  await expect(orchestrator.sweep()).rejects.toMatchObject({ code: "DATABASE_REFUSED" });
  await sql`alter table outbox drop constraint no_undo`;
  expect(orchestrator.verdicts).toEqual([]);
  await orchestrator.sweep();
  expect(orchestrator.verdicts).toEqual(Array<string>(3).fill("DeadlinePassed transition"));
});
