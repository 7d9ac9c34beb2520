// One orchestrator, open sagas of both tables in one database: each goes on by its own.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import { eventOf } from "../testkit/events.ts";
import {
  checkout,
  COMPLETING,
  COMPLETING_HELD,
  HOLDING_PROVIDER,
  POLICY,
  TestOrchestrator,
} from "../testkit/orchestrator.ts";
import { readStatuses } from "./status-store.ts";
import { openTableVersions } from "./store.ts";
import { requireKnownVersions } from "./versions.ts";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

let ids: { readonly one: string; readonly two: string };
beforeEach(async () => {
  ids = {
    one: await orchestrator.start(),
    two: await orchestrator.start({ provider: HOLDING_PROVIDER }),
  };
});

/** Both sagas at once, in one batch. */
const both = (one: Event["type"], two: Event["type"] = one) =>
  orchestrator.handle(eventOf(one, ids.one), eventOf(two, ids.two));

async function seen() {
  const statuses = await readStatuses(orchestrator.database.sql, Object.values(ids));
  return Object.values(ids).map((id) => {
    const { status, current_step, money } = statuses.get(id)?.view ?? {};
    return [status, current_step, money];
  });
}

test("each is completed by the commands of its own table, and a binary that knows both may start meanwhile", async () => {
  const versions = await openTableVersions(orchestrator.database.sql);
  expect(new Set(versions)).toEqual(new Set([1, 2]));
  requireKnownVersions(versions);
  await both("InventoryReserved");
  await both("PaymentSucceeded", "PaymentAuthorized");
  expect(await seen()).toEqual([
    ["PAYMENT_CHARGED", "confirm", "taken"],
    ["INVENTORY_RESERVED", "confirm", "authorized"],
  ]);
  await both("ReservationConfirmed");
  await both("OrderCreated", "PaymentSucceeded");
  await orchestrator.handle(eventOf("OrderCreated", ids.two));
  expect(await seen()).toEqual([
    ["COMPLETED", "order", "taken"],
    ["COMPLETED", "order", "taken"],
  ]);
  expect(await orchestrator.messageTypes(ids.one)).toEqual([
    "ReserveInventory",
    "ChargePayment",
    "ConfirmReservation",
    "CreateOrder",
    "SendNotification",
  ]);
  expect(await orchestrator.messageTypes(ids.two)).toEqual([
    "ReserveInventory",
    "AuthorizePayment",
    "ConfirmReservation",
    "CapturePayment",
    "CreateOrder",
    "SendNotification",
  ]);
  const asked = (await orchestrator.messages(ids.two)).find(({ type }) => type === "AuthorizePayment");
  expect(asked).toMatchObject({ provider: HOLDING_PROVIDER, amount_cents: 1_000 });
});

test("every place of both tables can be stored, read back and undone", async () => {
  for (const [completing, provider] of [
    [COMPLETING, undefined],
    [COMPLETING_HELD, HOLDING_PROVIDER],
  ] as const) {
    for (let count = 0; count < completing.length; count += 1) {
      const id = await orchestrator.start(provider === undefined ? {} : { provider });
      for (const type of completing.slice(0, count)) await orchestrator.handle(eventOf(type, id));
      await orchestrator.cancel(id, { actor: "ada", reason: "fraud" });
      // Each undo has one of these replies; what no undo waits for changes nothing.
      for (const type of ["OrderCancelled", "PaymentCancelled", "InventoryReleased"] as const)
        await orchestrator.handle(eventOf(type, id));
      expect((await orchestrator.saga(id)).position).toMatchObject({
        kind: "compensated",
        failure: { code: "OPERATOR_CANCELLED" },
      });
    }
  }
});

test("a deadline that passes undoes both by the same commands", async () => {
  await both("InventoryReserved");
  await both("PaymentSucceeded", "PaymentAuthorized");
  orchestrator.now += POLICY.forwardDeadlineMs;
  await orchestrator.sweep();
  expect([
    (await orchestrator.messageTypes(ids.one)).at(-1),
    (await orchestrator.messageTypes(ids.two)).at(-1),
  ]).toEqual(["RefundPayment", "CancelPayment"]);
});

test("without the setting, every saga starts on table 1, and open sagas of table 2 go on", async () => {
  await using intake = orchestrator.intake({ policy: { ...POLICY, authorizeFirst: new Set() } });
  const { saga_id } = await intake.start(checkout({ provider: HOLDING_PROVIDER }));
  expect(await orchestrator.saga(saga_id)).toMatchObject({ table_version: 1, provider: HOLDING_PROVIDER });
  await orchestrator.handle(eventOf("InventoryReserved", saga_id), eventOf("InventoryReserved", ids.two));
  expect((await orchestrator.messageTypes(saga_id)).at(-1)).toBe("ChargePayment");
  expect((await orchestrator.messageTypes(ids.two)).at(-1)).toBe("AuthorizePayment");
});
