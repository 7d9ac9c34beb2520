// A saga is rebuilt from its backup state to the state that its traces show: given, when, then.
import { describe, expect, test } from "bun:test";
import { CheckoutOfSaga } from "../../schemas/commands.ts";
import type { Event } from "../../schemas/events.ts";
import type { Message } from "../../schemas/registry.ts";
import { Value } from "@sinclair/typebox/value";
import { envelop } from "../messaging/envelope.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { eventOf } from "../testkit/events.ts";
import {
  checkout,
  COMPLETING,
  COMPLETING_HELD,
  HOLDING_PROVIDER,
  POLICY,
  START,
} from "../testkit/orchestrator.ts";
import { rebuild, type StandingOrder } from "./rebuild.ts";
import { decide, type Decision, startSaga } from "./saga.ts";
import type { Saga, SagaInput } from "./state.ts";

const ID = Bun.randomUUIDv7();
const LATE = START + 100 * POLICY.forwardDeadlineMs;
const begun = startSaga(ID, checkout({ language: "de" }), START, POLICY);
/** On table 2. */
const begunHeld = startSaga(ID, checkout({ provider: HOLDING_PROVIDER }), START, POLICY);

type Happening = Event["type"] | "DeadlinePassed" | "OperatorCancel";

/** What really happened: every state of the saga, and every message sent and received. */
function lived(...inputs: readonly Happening[]) {
  return livedFrom(begun, inputs);
}

function livedFrom(start: Decision, inputs: readonly Happening[]) {
  let last = start;
  const sagas: Saga[] = [start.saga];
  const sent: Message[] = [...messagesOf(start)];
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

function messagesOf({ out }: Decision, now = START): readonly Message[] {
  const context = { eventTopic: "order-events", newId: () => Bun.randomUUIDv7(), now } as const;
  return envelop(out, context).map(({ message }) => message);
}

const from = (saga: Saga | null, { sent, received }: Pick<ReturnType<typeof lived>, "sent" | "received">) =>
  rebuild(saga, { saga_id: ID, sent, received: received.toReversed(), order: null }, LATE, POLICY);

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

/** Of sagas that authorize first. */
const HELD_LIVES: Readonly<Record<string, readonly Happening[]>> = {
  "held the money and took it": [...COMPLETING_HELD],
  "could not hold the money": ["InventoryReserved", "PaymentFailed", "InventoryReleased"],
  "lost its stock while the money was held": [
    "InventoryReserved",
    "PaymentAuthorized",
    "ReservationLost",
    "PaymentCancelled",
    "InventoryReleased",
  ],
  "could not take the money that was held": [
    "InventoryReserved",
    "PaymentAuthorized",
    "ReservationConfirmed",
    "PaymentFailed",
    "PaymentCancelled",
    "InventoryReleased",
  ],
  "ran out of time while the money was taken": [
    "InventoryReserved",
    "PaymentAuthorized",
    "ReservationConfirmed",
    "DeadlinePassed",
    "PaymentSucceeded",
    "RefundCompleted",
    "InventoryReleased",
  ],
  "had its order refused after the money was taken": [
    "InventoryReserved",
    "PaymentAuthorized",
    "ReservationConfirmed",
    "PaymentSucceeded",
    "OrderFailed",
    "RefundCompleted",
    "InventoryReleased",
  ],
};

const lives = [
  ...Object.entries(LIVES).map(([name, inputs]) => [name, lived(...inputs)] as const),
  ...Object.entries(HELD_LIVES).map(([name, inputs]) => [name, livedFrom(begunHeld, inputs)] as const),
];

describe.each(lives)("a saga that %s", (_, life) => {
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
        table_version: end.table_version,
        provider: end.provider,
        payment_succeeded: end.payment_succeeded,
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
  const sent = steps.flatMap((step) => messagesOf(step, START + 1_000));
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

describe("a wait for the shopper keeps the end that it had under the orchestrator's settings", () => {
  const SECOND = 1_000;
  const MINUTE = 60 * SECOND;
  /** The tool's own: the defaults. */
  const TOOL = { ...POLICY, actionDeadlineMs: 5 * MINUTE };
  /** `pressedAt`: after the event; `handledMs`: when the orchestrator handled the event, after it. */
  const waited = (actionDeadlineMs: number, pressedAt: number | null, handledMs = 0) => {
    const policy = { ...POLICY, actionDeadlineMs };
    const events: Event[] = [eventOf("InventoryReserved", ID), eventOf("PaymentActionRequired", ID)];
    const asked = Date.parse(events[1]?.occurred_at ?? "");
    const inputs: (readonly [SagaInput, number])[] = events.map((event) => [event, asked + handledMs]);
    if (pressedAt !== null) inputs.push([{ type: "ShopperNeedsTime" }, asked + pressedAt]);
    let last = startSaga(ID, checkout({ shopper_present: true }), START, policy);
    const begin = last.saga;
    const sent = [...messagesOf(last)];
    for (const [input, at] of inputs) {
      last = decide(last.saga, input, at, policy);
      sent.push(...messagesOf(last, at));
    }
    const traces = { saga_id: ID, sent, received: events, order: null };
    const found = rebuild(begin, traces, asked + MINUTE, TOOL);
    const endsAfter = (saga: Saga | undefined) => ((saga?.action_expires_at ?? 0) - asked) / SECOND;
    return { lived: endsAfter(last.saga), rebuilt: endsAfter(found?.after), out: found?.out };
  };

  test.each([
    ["the longest setting, no more time", 600 * SECOND, null, 0, 600],
    ["a short setting, no more time", 60 * SECOND, null, 0, 60],
    ["more time, after the tool's own deadline", 480 * SECOND, 7 * MINUTE, 0, 600],
    ["an event handled late, and more time in the last second", 5 * MINUTE, 301 * SECOND, 2 * SECOND, 600],
    ["a short setting and more time", 60 * SECOND, 30 * SECOND, 0, 120],
  ] as const)("%s", (_, actionDeadlineMs, pressedAt, handledMs, expected) => {
    const { lived: was, rebuilt, out } = waited(actionDeadlineMs, pressedAt, handledMs);
    expect(out).toEqual([]);
    expect(rebuilt).toBe(was);
    expect(Math.abs(was - expected)).toBeLessThanOrEqual(2);
  });
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

test("a saga of a table that this binary does not know is not rebuilt", () => {
  const [first] = begunHeld.out;
  const newer = {
    ...first,
    checkout:
      first?.type === "ReserveInventory" ? Object.assign({}, first.checkout, { table_version: 3 }) : null,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the command of a newer binary
  const sent = [...messagesOf({ ...begunHeld, out: [newer as Outgoing] })];
  expect(from(null, { sent, received: [] })).toBeNull();
});

test("a saga without traces is not rebuilt", () => {
  expect(from(null, { sent: [], received: [eventOf("InventoryReserved", ID)] })).toBeNull();
});

test("the first command carries the data of the saga row", () => {
  const [first] = begun.out;
  expect(first?.type === "ReserveInventory" && Value.Check(CheckoutOfSaga, first.checkout)).toBe(true);
});
