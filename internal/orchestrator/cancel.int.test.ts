// An operator's cancel on a real Postgres: the saga, its messages and the line in the audit trail are one transaction.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import type { MessageType } from "../../schemas/registry.ts";
import { eventOf } from "../testkit/events.ts";
import { START, TestOrchestrator } from "../testkit/orchestrator.ts";

const REQUEST = { actor: "ada", reason: "the shopper called" };

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.verdicts.length = 0;
  orchestrator.logged.length = 0;
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox, operator_actions`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

/** A saga that has handled these events. */
async function sagaAfter(...types: readonly Event["type"][]): Promise<string> {
  const id = await orchestrator.start();
  for (const type of types) await orchestrator.handle(eventOf(type, id));
  return id;
}

async function trail(): Promise<readonly object[]> {
  return orchestrator.database.sql`
    select action, subject, saga_id, actor, reason, outcome, detail, at, settled_at from operator_actions order by action_id`;
}

/** The forward way, and the undos, in order, of a saga with this many of its steps done. */
const WAY = ["InventoryReserved", "PaymentSucceeded", "ReservationConfirmed"] as const;
const cases: readonly (readonly [
  behind: number,
  undos: readonly (readonly [MessageType, Event["type"]])[],
])[] = [
  [0, [["ReleaseInventory", "InventoryReleased"]]],
  [
    1,
    [
      ["CancelPayment", "PaymentCancelled"],
      ["ReleaseInventory", "InventoryReleased"],
    ],
  ],
  [
    2,
    [
      ["RefundPayment", "RefundCompleted"],
      ["ReleaseInventory", "InventoryReleased"],
    ],
  ],
  [
    3,
    [
      ["CancelOrder", "OrderCancelled"],
      ["RefundPayment", "RefundCompleted"],
      ["ReleaseInventory", "InventoryReleased"],
    ],
  ],
];
for (const [behind, undos] of cases) {
  test(`with ${behind} steps done every step is undone and the shopper is notified`, async () => {
    const id = await sagaAfter(...WAY.slice(0, behind));
    expect(await orchestrator.cancel(id, REQUEST)).toMatchObject({ outcome: "cancelling" });
    for (const [, reply] of undos) await orchestrator.handle(eventOf(reply, id));
    const sent = await orchestrator.messageTypes(id);
    expect(sent.slice(behind + 1)).toEqual([...undos.map(([command]) => command), "SendNotification"]);
    expect((await orchestrator.saga(id)).position).toMatchObject({
      kind: "compensated",
      failure: { code: "OPERATOR_CANCELLED", message: "the shopper called" },
    });
    expect((await orchestrator.messages(id)).at(-1)).toMatchObject({ failure_code: "OPERATOR_CANCELLED" });
  });
}

test("the trail and the log say who cancelled and why, and the observer is notified", async () => {
  const id = await sagaAfter();
  await orchestrator.cancel(id, REQUEST);
  const line = { action: "saga.cancel", subject: id, saga_id: id, ...REQUEST, at: START, settled_at: START };
  expect(await trail()).toEqual([{ ...line, outcome: "cancelling", detail: "STARTED -> COMPENSATING" }]);
  expect(orchestrator.logged).toEqual([
    { saga_id: id, ...REQUEST, outcome: "cancelling", status: "COMPENSATING" },
  ]);
  expect(orchestrator.verdicts).toEqual(["OperatorCancel transition"]);
});

test("the trail says from where the operator was, if their console told it", async () => {
  const id = await sagaAfter();
  await orchestrator.cancel(id, { ...REQUEST, address: "192.0.2.7" });
  await orchestrator.cancel(id, REQUEST);
  const { sql } = orchestrator.database;
  const lines = await sql`select address from operator_actions order by action_id`;
  expect([...lines]).toEqual([{ address: "192.0.2.7" }, { address: null }]);
});

test("a second cancel changes nothing, and is in the trail too", async () => {
  const id = await sagaAfter();
  await orchestrator.cancel(id, REQUEST);
  const sent = await orchestrator.messageTypes(id);
  const second = await orchestrator.cancel(id, { actor: "bob", reason: "me too" });
  expect(second).toMatchObject({ outcome: "already", saga: { position: { kind: "compensating" } } });
  expect((await orchestrator.saga(id)).position).toMatchObject({ failure: { message: REQUEST.reason } });
  expect(await orchestrator.messageTypes(id)).toEqual(sent);
  expect(await trail()).toMatchObject([{ actor: "ada" }, { actor: "bob", outcome: "already" }]);
});

test("a completed saga stays completed", async () => {
  const id = await sagaAfter(...WAY, "OrderCreated");
  expect(await orchestrator.cancel(id, REQUEST)).toMatchObject({ outcome: "too late" });
  expect((await orchestrator.saga(id)).position.kind).toBe("completed");
  expect(await trail()).toMatchObject([{ outcome: "too late", detail: "COMPLETED -> COMPLETED" }]);
});

test("a saga that does not exist leaves no trace", async () => {
  expect(await orchestrator.cancel(Bun.randomUUIDv7(), REQUEST)).toBeNull();
  expect(await trail()).toEqual([]);
  expect(orchestrator.logged).toEqual([]);
});

test("a cancel and its line in the trail are written together or not at all", async () => {
  const id = await sagaAfter();
  const { sql } = orchestrator.database;
  await sql`alter table operator_actions add constraint nobody check (actor <> 'ada') not valid`;
  await expect(orchestrator.cancel(id, REQUEST)).rejects.toMatchObject({ code: "DATABASE_REFUSED" });
  await sql`alter table operator_actions drop constraint nobody`;
  expect((await orchestrator.saga(id)).position.kind).toBe("forward");
  expect(await orchestrator.messageTypes(id)).toEqual(["ReserveInventory"]);
  expect(orchestrator.verdicts).toEqual([]);
});

test("a race of a cancel and the last success has one of the two outcomes, never a mixture", async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => sagaAfter(...WAY)));
  const cancels = await Promise.all(
    ids.map(async (id) => {
      const [cancelled] = await Promise.all([
        orchestrator.cancel(id, REQUEST),
        orchestrator.handle(eventOf("OrderCreated", id)),
      ]);
      return cancelled?.outcome;
    }),
  );
  for (const [index, id] of ids.entries()) {
    const { position } = await orchestrator.saga(id);
    const sent = (await orchestrator.messageTypes(id)).slice(4);
    expect([cancels[index], position.kind, sent]).toBeOneOf([
      ["too late", "completed", ["SendNotification"]],
      ["cancelling", "compensating", ["CancelOrder"]],
    ]);
  }
});
