// Cancelling the order of a completed checkout, on a real Postgres: one cancellation whoever asks, its messages and its line in the
// audit trail in one transaction, and the checkout's own row as it was.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { holdRows } from "../testkit/row-lock.ts";
import type { OrderCancellation } from "./order-cancellation.ts";

const WHO = { actor: "ada", reason: "the shopper called" };

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.now = START;
  orchestrator.verdicts.length = 0;
  const { sql } = orchestrator.database;
  await sql`truncate saga_state, saga_history, outbox, operator_actions, order_cancellations`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

async function completed(): Promise<{ readonly id: string; readonly order_id: string }> {
  const id = await orchestrator.start();
  await orchestrator.complete(id);
  const { position } = await orchestrator.saga(id);
  if (position.kind !== "completed") throw new Error("the saga is not completed");
  return { id, order_id: position.order_id };
}

const cancel = ({ id, order_id }: { id: string; order_id: string }) =>
  orchestrator.cancelOrder(id, { order_id, ...WHO });
const rows = (id: string) => orchestrator.database.sql<OrderCancellation[]>`
  select * from order_cancellations where saga_id = ${id} order by cancellation_id`;
const trail = async () => {
  const lines = await orchestrator.database.sql<{ line: string }[]>`
    select concat_ws(' ', action, subject, actor, outcome, detail) as line from operator_actions order by action_id`;
  return lines.map(({ line }) => line);
};
/** The types of the messages after those of the checkout itself. */
const sent = async (id: string) => (await orchestrator.messageTypes(id)).slice(5);

test("goes all the way, and the checkout stays as it was", async () => {
  const one = await completed();
  const before = await orchestrator.saga(one.id);
  expect(await cancel(one)).toMatchObject({ kind: "cancelling", startedNow: true });
  for (const type of ["OrderCancelled", "RefundCompleted", "InventoryReleased"] as const) {
    await orchestrator.handle(eventOf(type, one.id));
    // A reply to a command that was sent again.
    await orchestrator.handle(eventOf(type, one.id));
  }
  expect(await sent(one.id)).toEqual([
    "CancelOrder",
    "RefundPayment",
    "ReleaseInventory",
    "SendNotification",
  ]);
  expect(await rows(one.id)).toMatchObject([
    { status: "CANCELLED", step: "release", order_id: one.order_id },
  ]);
  expect(await orchestrator.saga(one.id)).toEqual(before);
  expect(await orchestrator.history(one.id)).toHaveLength(6);
  expect(orchestrator.verdicts.filter((verdict) => verdict.endsWith("alert"))).toEqual([]);
});

test("starts once, whoever asks at the same time; each request is in the audit trail", async () => {
  const one = await completed();
  const results = await Promise.all([cancel(one), cancel(one), cancel(one)]);
  expect(results.filter((result) => result.kind === "cancelling" && result.startedNow)).toHaveLength(1);
  const [row] = await rows(one.id);
  expect(await rows(one.id)).toHaveLength(1);
  expect(await sent(one.id)).toEqual(["CancelOrder"]);
  expect(new Set(await trail())).toEqual(
    new Set([
      `order.cancel ${one.order_id} ada cancelling cancellation ${row?.cancellation_id}`,
      `order.cancel ${one.order_id} ada already CANCELLING, order`,
    ]),
  );
});

test("is refused for a checkout in progress, an unknown one, and another's order", async () => {
  const id = await orchestrator.start();
  const order_id = Bun.randomUUIDv7();
  expect(await cancel({ id, order_id })).toMatchObject({ kind: "not completed" });
  expect(await trail()).toEqual([`order.cancel ${order_id} ada refused the checkout is STARTED`]);
  expect(await cancel({ id: order_id, order_id })).toEqual({ kind: "unknown" });
  const one = await completed();
  expect(await cancel({ id: one.id, order_id })).toEqual({ kind: "unknown" });
  expect([await rows(id), await rows(one.id)].flat()).toEqual([]);
});

test("after a refusal because of a parcel it may be tried again", async () => {
  const one = await completed();
  await cancel(one);
  await orchestrator.handle(eventOf("OrderCancelRefused", one.id));
  expect(await rows(one.id)).toMatchObject([{ status: "REFUSED", order_status: "SHIPPED" }]);
  expect(await cancel(one)).toMatchObject({ kind: "cancelling", startedNow: true });
  await orchestrator.handle(eventOf("OrderCancelled", one.id));
  expect(await rows(one.id)).toMatchObject([{ status: "REFUSED" }, { status: "CANCELLING", step: "refund" }]);
  expect(await sent(one.id)).toEqual(["CancelOrder", "CancelOrder", "RefundPayment"]);
});

test("without a reply the command is sent again, and an operator is told once", async () => {
  const one = await completed();
  await cancel(one);
  const overdue: string[] = [];
  const sweep = () => orchestrator.sweepCancellations(({ order_id }) => void overdue.push(order_id));
  expect((await sweep()).processed).toBe(0);
  for (let round = 0; round < 5; round += 1) {
    orchestrator.now += 60_000;
    expect((await sweep()).processed).toBe(1);
  }
  expect(await sent(one.id)).toEqual(Array(6).fill("CancelOrder"));
  expect(overdue).toEqual([one.order_id]);
  expect(await rows(one.id)).toMatchObject([{ resend_count: 5, needs_operator: true }]);
});

test("a cancellation by a clock a day ahead is resent soon after the clock is corrected", async () => {
  const DAY_MS = 24 * 60 * 60 * 1_000;
  const one = await completed();
  orchestrator.now = START + DAY_MS;
  await cancel(one);
  orchestrator.now = START;
  // The first run only sets the deadline again.
  expect((await orchestrator.sweepCancellations()).processed).toBe(0);
  orchestrator.now = START + POLICY.resendFirstMs - 1;
  expect((await orchestrator.sweepCancellations()).processed).toBe(0);
  orchestrator.now = START + POLICY.resendFirstMs;
  expect((await orchestrator.sweepCancellations()).processed).toBe(1);
  expect(await sent(one.id)).toEqual(["CancelOrder", "CancelOrder"]);
});

test("the undo replies of a checkout without a cancellation are its own", async () => {
  const id = await orchestrator.start();
  await orchestrator.cancel(id, WHO);
  await orchestrator.handle(eventOf("InventoryReleased", id));
  expect((await orchestrator.saga(id)).position.kind).toBe("compensated");
  const one = await completed();
  orchestrator.verdicts.length = 0;
  await orchestrator.handle(eventOf("RefundCompleted", one.id));
  expect(orchestrator.verdicts).toEqual(["RefundCompleted alert"]);
});

test("a batch leaves out only the checkout whose cancellation another transaction has locked", async () => {
  const [held, free] = [await completed(), await completed()];
  await cancel(held);
  await cancel(free);
  const { url } = orchestrator.database;
  await using row = await holdRows(
    url,
    `select * from order_cancellations where saga_id = '${held.id}' for update`,
  );
  const effect = await orchestrator.handleFree(
    eventOf("OrderCancelled", held.id),
    eventOf("OrderCancelled", free.id),
  );
  expect(effect.applied.map(({ message }) => message.saga_id)).toEqual([free.id]);
  expect(effect.held).toEqual([{ saga_id: held.id, row: `order_cancellations, saga ${held.id}` }]);
  await row.release();
  expect(await rows(held.id)).toMatchObject([{ step: "order" }]);
  expect(await rows(free.id)).toMatchObject([{ step: "refund" }]);
});

test.each([
  ["two cancellations of one checkout", "'CANCELLING', 'order', null, now(), null", "23505", true],
  ["one that is done with a deadline", "'CANCELLED', 'release', null, now(), now()", "23514", false],
  ["a refusal without its reason", "'REFUSED', 'order', null, null, now()", "23514", false],
  ["a refusal after the refund", "'REFUSED', 'refund', 'SHIPPED', null, now()", "23514", false],
  ["one that is done before its stock", "'CANCELLED', 'refund', null, null, now()", "23514", false],
])("the table rejects: %s", async (_, values, code, twice) => {
  const saga_id = Bun.randomUUIDv7();
  const insert = () =>
    orchestrator.database.sql.unsafe(`
      insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, order_status, deadline_at, completed_at,
                                       created_at, updated_at)
      values (gen_random_uuid(), '${saga_id}', gen_random_uuid(), ${values}, now(), now())`);
  if (twice) await insert();
  const error: unknown = await insert().then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code });
});
