// The saga on a real Postgres, moved by batches of events: the database holds what the pure table decided.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Event } from "../../schemas/events.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { consumedTypes } from "../messaging/delivery.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, TestOrchestrator } from "../testkit/orchestrator.ts";
import { SAGA_SERVICE, sagaHandler } from "./handler.ts";
import { decide, startSaga } from "./saga.ts";
import { tableOf } from "./steps.ts";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(() => {
  for (const told of [orchestrator.verdicts, orchestrator.unknown, orchestrator.changed]) told.length = 0;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

const answers = tableOf({ table_version: 1 }).map((row) => row.success);
const handler = sagaHandler(POLICY, { decided: ignore, unknown: ignore, changed: ignore });
const eventTypes = handler.types;

function ignore(): void {}

test("takes every event type, and no command or mail", () => {
  const known: Record<Event["type"], true> = {
    InventoryReserved: true,
    InsufficientStock: true,
    InventoryReleased: true,
    ReservationExtended: true,
    ReservationConfirmed: true,
    ReservationLost: true,
    ReservationExpired: true,
    PaymentAuthorized: true,
    PaymentSucceeded: true,
    PaymentActionRequired: true,
    PaymentFailed: true,
    PaymentCancelled: true,
    RefundCompleted: true,
    OrderCreated: true,
    OrderFailed: true,
    OrderCancelled: true,
    OrderCancelRefused: true,
    OrderShipped: true,
    OrderDelivered: true,
    CommandRefused: true,
    CommandDeadLettered: true,
  };
  expect(eventTypes.toSorted()).toEqual(eventTypes.filter((type) => known[type]).toSorted());
  expect(eventTypes.length).toBe(Object.keys(known).length);
  expect(handler.topics).toEqual([TOPICS.inventoryEvents, TOPICS.paymentEvents, TOPICS.orderEvents]);
  // Unknown messages are recorded here, so no filter may drop them first.
  expect([handler.service, consumedTypes(handler)]).toEqual([SAGA_SERVICE, []]);
});

test("one batch can hold every event of a saga", async () => {
  const id = await orchestrator.start();
  const events = answers.map((type) => eventOf(type, id));
  await orchestrator.handle(...events);
  const saga = await orchestrator.saga(id);
  expect(saga).toMatchObject({
    position: { kind: "completed", at: "order" },
    total_cents: 1_000,
    payment_method: null,
    deadline_at: null,
    completed_at: orchestrator.now,
  });
  expect(await orchestrator.messageTypes(id)).toEqual([
    "ReserveInventory",
    "ChargePayment",
    "ConfirmReservation",
    "CreateOrder",
    "SendNotification",
  ]);
  const statuses = (await orchestrator.history(id)).map(({ to_status }) => to_status);
  expect(statuses).toEqual([
    "STARTED",
    "INVENTORY_RESERVED",
    "PAYMENT_CHARGED",
    "PAYMENT_CHARGED",
    "ORDER_CREATED",
    "COMPLETED",
  ]);
  expect(orchestrator.changed).toEqual([saga]);
  expect(orchestrator.verdicts).toEqual(answers.map((type) => `${type} transition`));
});

test("events of many sagas in one batch each move their own saga", async () => {
  const ids = await Promise.all(Array.from({ length: 50 }, () => orchestrator.start()));
  const declined = new Set(ids.slice(0, 10));
  await orchestrator.handle(...ids.map((id) => eventOf("InventoryReserved", id)));
  await orchestrator.handle(
    ...ids.map((id) => eventOf(declined.has(id) ? "PaymentFailed" : "PaymentSucceeded", id)),
    ...[...declined].map((id) => eventOf("InventoryReleased", id)),
  );
  const sagas = await Promise.all(ids.map((id) => orchestrator.saga(id)));
  for (const { saga_id, position } of sagas)
    expect(position.kind).toBe(declined.has(saga_id) ? "compensated" : "forward");
});

test("a repeated event changes nothing and sends nothing", async () => {
  const id = await orchestrator.start();
  const reserved = eventOf("InventoryReserved", id);
  expect([...(await orchestrator.handle(reserved))]).toEqual([reserved.message_id]);
  const before = await orchestrator.saga(id);
  expect([...(await orchestrator.handle(reserved))]).toEqual([]);
  await orchestrator.handle(eventOf("InventoryReserved", id));
  expect(await orchestrator.saga(id)).toEqual(before);
  expect(await orchestrator.messageTypes(id)).toEqual(["ReserveInventory", "ChargePayment"]);
  expect(orchestrator.verdicts).toEqual(["InventoryReserved transition", "InventoryReserved ignored"]);
});

test("an event of an unknown saga is reported once, and its neighbours are applied", async () => {
  const id = await orchestrator.start();
  const stray = eventOf("PaymentSucceeded", Bun.randomUUIDv7());
  await orchestrator.handle(stray, eventOf("InventoryReserved", id));
  await orchestrator.handle(stray);
  expect(orchestrator.unknown).toEqual([stray]);
  expect((await orchestrator.saga(id)).position).toEqual({ kind: "forward", at: "charge" });
});

test("the observer hears nothing of a batch that was not committed", async () => {
  const id = await orchestrator.start();
  const { sql } = orchestrator.database;
  await sql`alter table outbox add constraint no_charge check (headers->>'type' <> 'ChargePayment') not valid`;
  try {
    await expect(orchestrator.handle(eventOf("InventoryReserved", id))).rejects.toMatchObject({
      code: "DATABASE_REFUSED",
    });
  } finally {
    await sql`alter table outbox drop constraint no_charge`;
  }
  expect([orchestrator.verdicts, orchestrator.changed]).toEqual([[], []]);
  expect((await orchestrator.saga(id)).position).toEqual({ kind: "forward", at: "reserve" });
});

test("a saga on a table that this binary does not know is not touched", async () => {
  const id = await orchestrator.start();
  await orchestrator.database.sql`update saga_state set table_version = 99 where saga_id = ${id}`;
  await expect(orchestrator.handle(eventOf("InventoryReserved", id))).rejects.toThrow("version 99");
  expect(await orchestrator.messageTypes(id)).toEqual(["ReserveInventory"]);
  await orchestrator.database.sql`delete from saga_state where saga_id = ${id}`;
});

test("a saga that an operator has closed as FAILED stays as it is", async () => {
  const id = await orchestrator.start();
  await orchestrator.database.sql`
    update saga_state set status = 'FAILED', failure_code = 'BY_HAND', deadline_at = null, completed_at = now()
     where saga_id = ${id}`;
  const before = await orchestrator.saga(id);
  expect(before.position).toEqual({
    kind: "compensated",
    at: "reserve",
    failure: { code: "BY_HAND", message: "" },
  });
  await orchestrator.handle(...eventTypes.map((type) => eventOf(type, id)));
  expect(await orchestrator.saga(id)).toEqual(before);
  expect(await orchestrator.messageTypes(id)).toEqual(["ReserveInventory"]);
});

test("any events in any order and any batches give the result of the pure table", async () => {
  const someEvents = fc.array(fc.array(fc.constantFrom(...eventTypes), { minLength: 1, maxLength: 4 }), {
    maxLength: 6,
  });
  // Mostly the forward way, so that late steps are reached, then any events.
  const lives = fc.tuple(fc.integer({ min: 0, max: answers.length }), someEvents);
  await fc.assert(
    fc.asyncProperty(fc.array(lives, { minLength: 1, maxLength: 8 }), async (sagas) => {
      const expected = [];
      for (const [stepsDone, batches] of sagas) {
        const request = checkout();
        const id = await orchestrator.start(request);
        const events = [answers.slice(0, stepsDone), ...batches].map((types) =>
          types.map((type) => eventOf(type, id)),
        );
        const first = startSaga(id, request, orchestrator.now, POLICY);
        const folded = events.flat().reduce(
          (so_far, event) => {
            const { saga, out, history } = decide(so_far.saga, event, orchestrator.now, POLICY);
            return { saga, out: [...so_far.out, ...out], history: [...so_far.history, ...history] };
          },
          { saga: first.saga, out: first.out, history: first.history },
        );
        expected.push({ id, events, folded });
      }
      // The batches of the sagas interleave: all first batches together, then all second ones.
      const rounds = Math.max(...expected.map(({ events }) => events.length));
      for (let round = 0; round < rounds; round += 1)
        await orchestrator.handle(...expected.flatMap(({ events }) => events[round] ?? []));
      for (const { id, folded } of expected) {
        expect(await orchestrator.saga(id)).toEqual(folded.saga);
        expect(await orchestrator.messageTypes(id)).toEqual(folded.out.map(({ type }) => type));
        const lines = await orchestrator.history(id);
        expect(
          lines.map(({ from_status, to_status, step, note }) => [from_status, to_status, step, note]),
        ).toEqual(folded.history.map(({ from, to, step, note }) => [from, to, step, note]));
      }
    }),
    { numRuns: 40 },
  );
});
