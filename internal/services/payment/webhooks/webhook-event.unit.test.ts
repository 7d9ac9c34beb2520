// What an event may settle: only its own open payment or pending refund. history.unit.test.ts has events in any order, webhook.int.test.ts
// the endpoint.
import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../attempts/attempts.ts";
import { FACTS, SAGA } from "../../../testkit/payment-facts.ts";
import { decideWebhookEvent } from "./webhook-event.ts";
import type { Payment } from "../payment.ts";
import type { ProviderCharge } from "../providers/ledger.ts";

const OTHER = "01900000-0000-7000-8000-000000000002";

const unknown: Payment = {
  ...FACTS,
  status: "UNKNOWN",
  payment_method: "sealed",
  next_attempt_at: 0,
  action: null,
  attempts: 2,
};
const succeeded = { kind: "succeeded", provider_txn_id: "pi_1" } as const;
const charge: ProviderCharge = {
  provider_txn_id: "pi_1",
  saga_id: SAGA,
  isMarked: true,
  amount_cents: 600,
  currency: "EUR",
  answer: succeeded,
};

function decided(changes: Partial<ProviderCharge>) {
  const event = { kind: "charge", event_id: "evt_1", charge: { ...charge, ...changes } } as const;
  return decideWebhookEvent(unknown, event, 1_000, DEFAULT_POLICY);
}

test("a success of the full amount settles, even during an attempt", () => {
  expect(decided({})).toMatchObject({
    kind: "settled",
    decision: {
      payment: { status: "SUCCEEDED", provider_txn_id: "pi_1" },
      out: [{ type: "PaymentSucceeded" }],
    },
  });
});

test.each<[string, Partial<ProviderCharge>, string]>([
  ["another amount", { amount_cents: 6 }, "amount_differs"],
  ["another currency", { currency: "JPY" }, "amount_differs"],
  ["another saga", { saga_id: OTHER }, "saga_differs"],
  ["no saga", { saga_id: null }, "saga_differs"],
])("a charge with %s is an alert", (_, changes, kind) => {
  expect(decided(changes)).toMatchObject({ kind: "alert", difference: { kind, saga_id: SAGA } });
});

test("a decline settles, and one of another amount changes nothing and opens no alert", () => {
  const answer = { kind: "declined", error_code: "CARD_DECLINED", error_message: "" } as const;
  expect(decided({ answer })).toMatchObject({ kind: "settled", decision: { payment: { status: "FAILED" } } });
  expect(decided({ answer, amount_cents: 6 })).toEqual({ kind: "unchanged" });
});

test("an undecided charge changes nothing", () => {
  const answer = { kind: "unknown", reason: "processing", replayed: false } as const;
  expect(decided({ answer })).toEqual({ kind: "unchanged" });
});

describe("held money", () => {
  const hold = {
    ...unknown,
    capture: "manual",
    provider_txn_id: "pi_1",
    capture_before: null,
    hold_attempts: 1,
  } as const;
  const { currency, payment_method: _, next_attempt_at, action: __, ...facts } = { ...hold, currency: "EUR" };
  const payments = {
    AUTHORIZED: { ...facts, currency, status: "AUTHORIZED" },
    CAPTURE_PENDING: { ...facts, currency, next_attempt_at, status: "CAPTURE_PENDING" },
    VOID_PENDING: {
      ...facts,
      currency,
      next_attempt_at,
      undo_requested: true,
      failure: null,
      status: "VOID_PENDING",
    },
  } as const satisfies Record<string, Payment>;
  const heard = (status: keyof typeof payments, changes: Partial<ProviderCharge>) => {
    const event = { kind: "charge", event_id: "evt_1", charge: { ...charge, ...changes } } as const;
    const verdict = decideWebhookEvent(payments[status], event, 1_000, DEFAULT_POLICY);
    if (verdict.kind !== "settled") return verdict.kind;
    const { payment, out } = verdict.decision;
    return [payment.status, ...out.map(({ type }) => type)].join(" ");
  };
  const ended = { kind: "declined", error_code: "CARD_DECLINED", error_message: "", closed: true } as const;
  const held = { kind: "authorized", provider_txn_id: "pi_1" } as const;

  test("an event about a hold settles an authorization without a result", () => {
    expect(decided({ answer: held })).toMatchObject({
      kind: "settled",
      decision: { payment: { status: "AUTHORIZED" }, out: [{ type: "PaymentAuthorized" }] },
    });
  });

  test.each([
    ["AUTHORIZED", "alert", "FAILED"],
    ["CAPTURE_PENDING", "SUCCEEDED PaymentSucceeded", "FAILED PaymentFailed"],
    ["VOID_PENDING", "REFUND_PENDING", "CANCELLED PaymentCancelled"],
  ] as const)("%s, after a capture: %s, after its end: %s", (status, afterCapture, afterEnd) => {
    expect(heard(status, {})).toBe(afterCapture);
    expect(heard(status, { answer: ended })).toBe(afterEnd);
    // Old news, another charge, another sum.
    expect(heard(status, { answer: held })).toBe("unchanged");
    expect(heard(status, { answer: ended, provider_txn_id: "pi_2" })).toBe("unchanged");
    expect(heard(status, { answer: ended, amount_cents: 6 })).toBe("unchanged");
    expect(heard(status, { amount_cents: 6 })).toBe("alert");
    // What is taken has another id than what is held.
    const taken = { provider_txn_id: "cap_1", held_as: "pi_1" };
    const answer = { kind: "succeeded", provider_txn_id: "cap_1" } as const;
    expect(heard(status, { ...taken, answer })).toBe(afterCapture);
    expect(heard(status, { ...taken, answer: ended })).toBe("unchanged");
    expect(heard(status, { ...taken, held_as: "pi_2", answer })).toBe("alert");
  });

  test("taken under another id without a capture of ours is taken once", () => {
    const provider_txn_id = "cap_1";
    const answer = { kind: "succeeded", provider_txn_id } as const;
    const taken = { ...charge, provider_txn_id, held_as: "pi_1", answer };
    const event = { kind: "charge", event_id: "evt_1", charge: taken } as const;
    expect(decideWebhookEvent(payments.AUTHORIZED, event, 1_000, DEFAULT_POLICY)).toMatchObject({
      kind: "alert",
      difference: { kind: "status_differs", subject: "cap_1" },
    });
  });

  test.each([
    ["AUTHORIZED", "alert"],
    ["CAPTURE_PENDING", "SUCCEEDED PaymentSucceeded"],
    ["VOID_PENDING", "REFUND_PENDING"],
  ] as const)("%s, after a capture that has an id of its own: %s", (status, expected) => {
    const capture = {
      provider_txn_id: "cap_1",
      answer: { kind: "succeeded", provider_txn_id: "cap_1" },
    } as const;
    expect(heard(status, { ...capture, held_as: "pi_1" })).toBe(expected);
    expect(heard(status, { ...capture, held_as: null })).toBe(expected);
    const declined = { ...capture, answer: ended, held_as: "pi_1" } as const;
    expect(heard(status, declined)).toBe("unchanged");
    // Of other held money of the same checkout.
    expect(heard(status, { ...capture, held_as: "pi_2" })).toBe("alert");
    expect(heard(status, capture)).toBe("alert");
  });
});

describe("an approval", () => {
  const waiting: Payment = {
    ...unknown,
    shopper_present: true,
    next_attempt_at: 60_000,
    action: { provider_txn_id: "order:1", expires_at: 600_000 },
  };
  const heard = (payment: Payment | undefined, provider_txn_id = "order:1", now = 1_000) => {
    const approval = { provider_txn_id, saga_id: SAGA, isMarked: true };
    return decideWebhookEvent(
      payment,
      { kind: "approval", event_id: "evt_1", approval },
      now,
      DEFAULT_POLICY,
    );
  };

  test("has the charge looked up now, and settles nothing by itself", () => {
    expect(heard(waiting)).toEqual({
      kind: "settled",
      decision: { payment: { ...waiting, next_attempt_at: 1_000 }, out: [] },
    });
  });

  test("of a payment that is due delays nothing", () => {
    expect(heard(waiting, "order:1", 70_000)).toMatchObject({
      decision: { payment: { next_attempt_at: 60_000 } },
    });
  });

  test.each<[string, Payment | undefined, string]>([
    ["of another charge", waiting, "order:2"],
    ["without a payment", undefined, "order:1"],
    ["of a payment that waits for nobody", unknown, "order:1"],
    ["after an undo", { ...waiting, undo_requested: true }, "order:1"],
  ])("%s changes nothing", (_, payment, provider_txn_id) => {
    expect(heard(payment, provider_txn_id)).toEqual({ kind: "unchanged" });
  });
});
