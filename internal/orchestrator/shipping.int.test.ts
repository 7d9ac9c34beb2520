// A shipped order on a real Postgres: one mail and one line in the audit trail per event, and no saga moves.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { OrderShipped } from "../../schemas/events.ts";
import { ERASED } from "../../schemas/fields.ts";
import { eventOf } from "../testkit/events.ts";
import { START, TestOrchestrator } from "../testkit/orchestrator.ts";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.verdicts.length = 0;
  orchestrator.unknown.length = 0;
  orchestrator.changed.length = 0;
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox, operator_actions`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

const trail = () => orchestrator.database.sql`
  select action, subject, saga_id, message_id, actor, reason, outcome, detail, at from operator_actions order by action_id`;
const mails = async (saga_id: string) =>
  (await orchestrator.messages(saga_id)).filter(({ type }) => type === "SendNotification");
const shippedOf = (saga_id: string, changes: Partial<OrderShipped> = {}) => {
  const event = eventOf("OrderShipped", saga_id);
  if (event.type !== "OrderShipped") throw new Error("eventOf returns what it is asked for");
  return { ...event, ...changes };
};

test("every mail says in which language its shopper reads, if that is known", async () => {
  for (const known of [{ language: "de" }, {}]) {
    const id = await orchestrator.start(known);
    await orchestrator.complete(id);
    const { position } = await orchestrator.saga(id);
    const order_id = position.kind === "completed" ? position.order_id : "";
    await orchestrator.handle(shippedOf(id));
    await orchestrator.cancelOrder(id, { order_id, actor: "ada", reason: "it came back" });
    for (const type of ["OrderCancelled", "RefundCompleted", "InventoryReleased"] as const)
      await orchestrator.handle(eventOf(type, id));
    const failed = await orchestrator.start(known);
    await orchestrator.handle(eventOf("InsufficientStock", failed));
    const all = [...(await mails(id)), ...(await mails(failed))];
    expect(all.map((mail) => ("template" in mail ? mail.template : ""))).toEqual([
      "order_confirmed",
      "order_shipped",
      "order_cancelled",
      "checkout_failed",
    ]);
    expect(all.map((mail) => ("language" in mail ? mail.language : null))).toEqual(
      Array.from({ length: 4 }, () => known.language ?? null),
    );
  }
});

test("a completed saga stays as it is; the shopper gets one mail, and the trail one line", async () => {
  const id = await orchestrator.start();
  await orchestrator.complete(id);
  const before = await orchestrator.saga(id);
  orchestrator.changed.length = 0;
  orchestrator.verdicts.length = 0;
  const event = shippedOf(id);
  await orchestrator.handle(event);
  await orchestrator.handle(event);
  expect(await orchestrator.saga(id)).toEqual(before);
  expect([orchestrator.changed, orchestrator.verdicts]).toEqual([[], ["OrderShipped ignored"]]);
  const { order_id, tracking, message_id } = event;
  expect((await mails(id)).slice(1)).toMatchObject([
    { template: "order_shipped", order_id, tracking, email: "ada@example.com", user_id: before.user_id },
  ]);
  const line = { subject: order_id, saga_id: id, message_id, actor: "ada", reason: "packed" };
  expect(await trail()).toMatchObject([
    { ...line, action: "order.ship", outcome: "shipped", detail: "with DHL", at: START },
  ]);
});

test("a delivery is a line in the trail and no mail; corrected tracking is another mail", async () => {
  const id = await orchestrator.start();
  await orchestrator.complete(id);
  const tracking = { carrier: "UPS", number: "1Z9" };
  await orchestrator.handle(
    shippedOf(id),
    shippedOf(id, { tracking, corrected: true }),
    eventOf("OrderDelivered", id),
  );
  expect((await mails(id)).slice(1)).toMatchObject([{ tracking: { number: "JD014600003" } }, { tracking }]);
  expect((await trail()).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    "order.ship shipped",
    "order.ship corrected",
    "order.deliver delivered",
  ]);
});

test("the event may overtake the one that completes the saga, and come in its batch", async () => {
  const id = await orchestrator.start();
  for (const type of ["InventoryReserved", "PaymentSucceeded", "ReservationConfirmed"] as const)
    await orchestrator.handle(eventOf(type, id));
  await orchestrator.handle(shippedOf(id), eventOf("OrderCreated", id));
  expect((await orchestrator.saga(id)).position.kind).toBe("completed");
  expect(new Set((await mails(id)).map((mail) => ("template" in mail ? mail.template : mail.type)))).toEqual(
    new Set(["order_confirmed", "order_shipped"]),
  );
  expect(orchestrator.verdicts.filter((verdict) => verdict.endsWith("alert"))).toEqual([]);
});

test("no mail goes to an erased address, and an order of another system is reported", async () => {
  const id = await orchestrator.start();
  await orchestrator.complete(id);
  await orchestrator.database.sql`update saga_state set email = ${ERASED.email} where saga_id = ${id}`;
  await orchestrator.handle(shippedOf(id), shippedOf(Bun.randomUUIDv7()));
  expect(await mails(id)).toHaveLength(1);
  expect(await trail()).toHaveLength(1);
  expect(orchestrator.unknown.map(({ type }) => type)).toEqual(["OrderShipped"]);
});
