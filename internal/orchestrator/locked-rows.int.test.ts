// An open transaction locks one saga: the others move on, and work that needs it fails in time or waits. On a real Postgres.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { holdRows, impatient } from "../testkit/row-lock.ts";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open(impatient);
});
beforeEach(async () => {
  orchestrator.now = START;
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

const hold = (saga_id: string) =>
  holdRows(orchestrator.database.url, `select * from saga_state where saga_id = '${saga_id}' for update`);

test("a batch leaves out only the events of the locked saga", async () => {
  const [held, free] = [await orchestrator.start(), await orchestrator.start()];
  await using row = await hold(held);
  const effect = await orchestrator.handleFree(
    eventOf("InventoryReserved", held),
    eventOf("InventoryReserved", free),
    eventOf("PaymentSucceeded", free),
  );
  expect(effect.applied.map(({ message }) => message.saga_id)).toEqual([free, free]);
  expect(effect.held).toEqual([{ saga_id: held, row: `saga_state, saga ${held}` }]);
  expect((await orchestrator.messages(free)).map(({ type }) => type)).toContain("ConfirmReservation");
  await row.release();
});

test("its deadline waits, also one set by a wrong clock; deadlines of other sagas act", async () => {
  const HOUR_MS = 60 * 60 * 1_000;
  orchestrator.now = START + HOUR_MS;
  const held = await orchestrator.start();
  orchestrator.now = START;
  const free = await orchestrator.start();
  orchestrator.now = START + POLICY.forwardDeadlineMs;
  await using row = await hold(held);
  expect(await orchestrator.sweep()).toMatchObject({ processed: 1 });
  await row.release();
  expect((await orchestrator.saga(free)).position.kind).toBe("compensating");
  // Its turn has come: it gets a new deadline.
  expect(await orchestrator.sweep()).toMatchObject({ processed: 0 });
  orchestrator.now += POLICY.forwardDeadlineMs;
  expect((await orchestrator.sweep()).processed).toBeGreaterThan(0);
  expect((await orchestrator.saga(held)).position.kind).toBe("compensating");
});

test("a cancel fails within the lock timeout, and nothing is written", async () => {
  const id = await orchestrator.start();
  await using row = await hold(id);
  const request = { actor: "ada", reason: "the shopper called" };
  const error = await orchestrator.cancel(id, request).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: "DATABASE_LOCKED", canRetry: true });
  await row.release();
  expect(await orchestrator.cancel(id, request)).toMatchObject({ outcome: "cancelling" });
});

test("a client key that another process is about to write fails at most a quarter of its group", async () => {
  await using intake = orchestrator.intake();
  const repeated = checkout();
  const { user_id, client_key } = repeated;
  await using row = await holdRows(
    orchestrator.database.url,
    `insert into saga_state (saga_id, user_id, email, cart_items, status, current_step, table_version, currency, shipping_address,
                             payment_method, deadline_at, client_key, body_hash, created_at, updated_at)
     values ('${Bun.randomUUIDv7()}', '${user_id}', '', '[]', 'STARTED', 'reserve', 1, 'EUR', '{}', '', now(), '${client_key}', '', now(), now())`,
  );
  const starts = [...Array.from({ length: 7 }, () => checkout()), repeated].map((one) => intake.start(one));
  const answers = await Promise.allSettled(starts);
  const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
  expect(refused.length).toBeWithin(1, 3);
  expect(refused[0]).toMatchObject({ code: "DATABASE_LOCKED", canRetry: true });
  await row.release();
  expect(await intake.start(repeated)).toMatchObject({ replayed: false });
});
