// A saga is rebuilt from its backup state to the state that its traces show: given, when, then.
import { describe, expect, test } from "bun:test";
import { CheckoutOfSaga } from "../../schemas/commands.ts";
import type { Event } from "../../schemas/events.ts";
import type { Message } from "../../schemas/registry.ts";
import { Value } from "@sinclair/typebox/value";
import { envelop } from "../messaging/envelope.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, START } from "../testkit/orchestrator.ts";
import { rebuild, type StandingOrder } from "./rebuild.ts";
import { decide, type Decision, startSaga } from "./saga.ts";
import type { Saga, SagaInput } from "./state.ts";

const ID = Bun.randomUUIDv7();
const LATE = START + 100 * POLICY.forwardDeadlineMs;
const begun = startSaga(ID, checkout(), START, POLICY);

type Happening = Event["type"] | "DeadlinePassed" | "OperatorCancel";

/** What really happened: every state of the saga, and every message sent and received. */
function lived(...inputs: readonly Happening[]) {
  let last: Decision = begun;
  const sagas: Saga[] = [begun.saga];
  const sent: Message[] = [...messagesOf(begun)];
  const received: Event[] = [];
  for (const type of inputs) {
    const input: SagaInput =
      type === "DeadlinePassed"
        ? { type }
        : type === "OperatorCancel"
          ? { type, reason: "stolen card" }
          : eventOf(type, ID);
    if ("message_id" in input) received.push(input);
    last = decide(last.saga, input, START + POLICY.forwardDeadlineMs, POLICY);
    sagas.push(last.saga);
    sent.push(...messagesOf(last));
  }
  return { sagas, sent, received, end: last.saga };
}

function messagesOf({ out }: Decision): readonly Message[] {
  const context = { eventTopic: "order-events", newId: () => Bun.randomUUIDv7(), now: START } as const;
  return envelop(out, context).map(({ message }) => message);
}

const from = (saga: Saga | null, { sent, received }: Pick<ReturnType<typeof lived>, "sent" | "received">) =>
  rebuild(saga, { saga_id: ID, sent, received: received.toReversed(), order: null }, LATE, POLICY);

const COMPLETING = ["InventoryReserved", "PaymentSucceeded", "ReservationConfirmed", "OrderCreated"] as const;
const LIVES: Readonly<Record<string, readonly Happening[]>> = {
  "went through": [...COMPLETING],
  "found no stock": ["InsufficientStock"],
  "was declined": ["InventoryReserved", "PaymentFailed", "InventoryReleased"],
  "ran out of time": [
    "InventoryReserved",
    "DeadlinePassed",
    "PaymentSucceeded",
    "RefundCompleted",
    "InventoryReleased",
  ],
  "was cancelled after its charge": [
    "InventoryReserved",
    "PaymentSucceeded",
    "OperatorCancel",
    "ReservationConfirmed",
    "RefundCompleted",
    "InventoryReleased",
  ],
  "lost its stock": [
    "InventoryReserved",
    "PaymentSucceeded",
    "ReservationLost",
    "RefundCompleted",
    "InventoryReleased",
  ],
  "had its order refused": [
    "InventoryReserved",
    "PaymentSucceeded",
    "ReservationConfirmed",
    "OrderFailed",
    "RefundCompleted",
    "InventoryReleased",
  ],
  "timed out before its order arrived": [
    "InventoryReserved",
    "PaymentSucceeded",
    "ReservationConfirmed",
    "DeadlinePassed",
    "OrderCreated",
    "OrderCancelled",
    "RefundCompleted",
    "InventoryReleased",
  ],
};

describe.each(Object.entries(LIVES))("a saga that %s", (_, inputs) => {
  const life = lived(...inputs);

  test("reaches the same end from every state and from nothing, and sends nothing again", () => {
    const { end } = life;
    for (const saga of [null, ...life.sagas]) {
      const found = from(saga, life);
      expect(found?.out).toEqual([]);
      expect(found?.after).toMatchObject({
        position: {
          ...end.position,
          ...("failure" in end.position ? { failure: { code: end.position.failure.code } } : {}),
        },
        priced_items: end.priced_items,
        total_cents: end.total_cents,
        payment_method: null,
        user_id: end.user_id,
        email: end.email,
        deadline_at: null,
      });
      // A timeline without gaps: the auditor requires that each step begins where the one before ended.
      const steps = found?.way.flatMap(({ decision }) => decision.history) ?? [];
      for (const [index, step] of steps.entries())
        if (index > 0) expect(step.from).toBe(steps[index - 1]?.to ?? "STARTED");
    }
  });

  test("sends the messages that it had decided and not sent, once", () => {
    for (let lost = 1; lost < life.sent.length; lost += 1) {
      const sent = life.sent.slice(0, lost);
      const found = from(life.sagas[0] ?? null, { sent, received: life.received });
      const keys = [...sent, ...(found?.out ?? [])].map((one) =>
        "idempotency_key" in one ? one.idempotency_key : one.type,
      );
      expect(new Set(keys).size).toBe(keys.length);
      expect(found?.after.completed_at !== null || (found.after.deadline_at ?? 0) > LATE).toBe(true);
    }
  });
});

test("a saga in progress continues, with the deadline of a new checkout", () => {
  const life = lived("InventoryReserved");
  expect(from(begun.saga, life)?.after).toMatchObject({
    position: { kind: "forward", at: "charge" },
    deadline_at: LATE + POLICY.forwardDeadlineMs,
  });
});

test("a saga whose shopper got more time still has it after a restore from before, and nothing is sent again", () => {
  const events: Event[] = [eventOf("InventoryReserved", ID), eventOf("PaymentActionRequired", ID)];
  let last = startSaga(ID, checkout({ shopper_present: true }), START, POLICY);
  const steps: Decision[] = [last];
  for (const input of [...events, { type: "ShopperNeedsTime" } as const]) {
    // The time that the fixtures' events have.
    last = decide(last.saga, input, START + 1_000, POLICY);
    steps.push(last);
  }
  const sent = steps.flatMap(messagesOf);
  for (const [count, { saga }] of steps.entries()) {
    const found = rebuild(saga, { saga_id: ID, sent, received: events, order: null }, START + 2_000, POLICY);
    expect([count, found?.after.action_expires_at, found?.out]).toEqual([
      count,
      START + 1_000 + 2 * POLICY.actionDeadlineMs,
      [],
    ]);
  }
  // A command that had not left is not known: nobody can tell that there was more time.
  const before = { saga_id: ID, sent: sent.slice(0, -1), received: events, order: null };
  expect(rebuild(null, before, START + 2_000, POLICY)?.after.action_expires_at).toBe(
    START + 1_000 + POLICY.actionDeadlineMs,
  );
});

test("a saga whose card was only in the lost row is undone", () => {
  const { sent } = lived();
  const found = from(null, { sent, received: [eventOf("InventoryReserved", ID)] });
  expect(found?.after.position).toMatchObject({ kind: "compensating", undoing: "reserve" });
  expect(found?.out.map(({ type }) => type)).toEqual(["ReleaseInventory"]);
});

test("a confirmed order completes its saga without traces in Kafka, and sends no late mail", () => {
  const { user_id, items, shipping_address, currency } = begun.saga;
  const order: StandingOrder = {
    order_id: Bun.randomUUIDv7(),
    saga_id: ID,
    user_id,
    items: items.map((item) => ({ ...item, unit_price_cents: 500 })),
    total_cents: 1_000,
    currency,
    shipping_address,
    created_at: LATE - 7 * 24 * 60 * 60 * 1_000,
  };
  for (const saga of [null, begun.saga]) {
    const found = rebuild(saga, { saga_id: ID, sent: [], received: [], order }, LATE, POLICY);
    expect(found?.after.position).toMatchObject({ kind: "completed", order_id: order.order_id });
    expect(found?.after.total_cents).toBe(1_000);
    expect(found?.out).toEqual([]);
  }
});

test("a saga without traces is not rebuilt", () => {
  expect(from(null, { sent: [], received: [eventOf("InventoryReserved", ID)] })).toBeNull();
});

test("the first command carries the data of the saga row", () => {
  const [first] = begun.out;
  expect(first?.type === "ReserveInventory" && Value.Check(CheckoutOfSaga, first.checkout)).toBe(true);
});
