// Every state of a payment against everything that the provider ledger may say about it.
import { describe, expect, test } from "bun:test";
import type { Payment } from "./payment.ts";
import { FACTS, SAGA } from "../../testkit/payment-facts.ts";
import type { ProviderCharge, ProviderRefund } from "./providers/ledger.ts";
import type { DifferenceKind } from "./difference.ts";
import { type Comparison, differencesOf } from "./differences.ts";

const OTHER = "01900000-0000-7000-8000-000000000002";

const open = { payment_method: "sealed", next_attempt_at: 0, action: null };
const took = { provider_txn_id: "pi_1" };
const hold = { ...took, capture: "manual" as const, capture_before: null };
const work = { hold_attempts: 1, next_attempt_at: 0 };
const refundFacts = { refund_id: SAGA, attempts: 1, created_at: 0, failed: [] };
const waits = { next_attempt_at: 0, error_code: null, provider_refund_id: null, reported: false };

const payments = {
  PENDING: { ...FACTS, ...open, status: "PENDING" },
  UNKNOWN: { ...FACTS, ...open, status: "UNKNOWN" },
  AUTHORIZED: { ...FACTS, ...hold, status: "AUTHORIZED" },
  CAPTURE_PENDING: { ...FACTS, ...hold, ...work, status: "CAPTURE_PENDING" },
  VOID_PENDING: { ...FACTS, ...hold, ...work, failure: null, status: "VOID_PENDING" },
  SUCCEEDED: { ...FACTS, ...took, status: "SUCCEEDED" },
  FAILED: { ...FACTS, status: "FAILED", error_code: "CARD_DECLINED", error_message: "" },
  CANCELLED: { ...FACTS, status: "CANCELLED", currency: null, amount_cents: 0 },
  REFUND_PENDING: {
    ...FACTS,
    ...took,
    status: "REFUND_PENDING",
    refund: { ...refundFacts, ...waits },
  },
  REFUNDED: {
    ...FACTS,
    ...took,
    status: "REFUNDED",
    refund: { ...refundFacts, provider_refund_id: "re_1", reported: true },
  },
} satisfies Record<Payment["status"], Payment>;

function charge(changes: Partial<ProviderCharge> = {}): ProviderCharge {
  const provider_txn_id = changes.provider_txn_id ?? "pi_1";
  const answer = { kind: "succeeded", provider_txn_id } as const;
  return {
    provider_txn_id,
    saga_id: SAGA,
    isMarked: true,
    amount_cents: 600,
    currency: "EUR",
    answer,
    ...changes,
  };
}

function refund(changes: Partial<ProviderRefund> = {}): ProviderRefund {
  const ids = { provider_refund_id: "re_1", provider_txn_id: "pi_1", saga_id: SAGA };
  const ours = { isMarked: true, isRequestedHere: true };
  const money = { amount_cents: 600, currency: "EUR" };
  return { ...ids, ...ours, ...money, status: "succeeded", error_code: "REFUND_FAILED", ...changes };
}

function kindsOf(comparison: Partial<Comparison>): DifferenceKind[] {
  const nothing = { charges: [], refunds: [], absentCharges: [], absentRefunds: [], payments: [] };
  return differencesOf({ ...nothing, ...comparison }).map(({ kind }) => kind);
}

const DECLINED = { kind: "declined", error_code: "CARD_DECLINED", error_message: "" } as const;
const STATES = Object.values<Payment>(payments).map((payment) => [payment.status, payment] as const);
const MOVED = new Set(["SUCCEEDED", "REFUND_PENDING", "REFUNDED"]);

test("an entry without our mark and without a payment belongs to another shop", () => {
  const refunds = [refund({ isMarked: false, isRequestedHere: false })];
  const charges = [charge({ isMarked: false })];
  expect(kindsOf({ charges, refunds })).toEqual([]);
  // Even if another shop uses one id twice.
  expect(kindsOf({ charges: [...charges, charge({ isMarked: false, provider_txn_id: "pi_2" })] })).toEqual(
    [],
  );
  // A payment that matches makes it ours: a refund by hand has no mark.
  expect(kindsOf({ refunds, payments: [payments.SUCCEEDED] })).toEqual(["refund_elsewhere"]);
  expect(kindsOf({ charges: [charge()] })).toEqual(["charge_without_payment"]);
});

describe("a charge that holds money", () => {
  const held = (changes: Partial<ProviderCharge> = {}) => {
    const provider_txn_id = changes.provider_txn_id ?? "pi_1";
    return charge({ answer: { kind: "authorized", provider_txn_id }, ...changes });
  };
  const HOLDS = new Set(["AUTHORIZED", "CAPTURE_PENDING", "VOID_PENDING"]);

  test.each(STATES)("against a payment that is %s", (status, payment) => {
    const expected: DifferenceKind[] = HOLDS.has(status) ? [] : ["status_differs"];
    expect(kindsOf({ charges: [held()], payments: [payment] })).toEqual(expected);
  });

  test.each(STATES.filter(([status]) => HOLDS.has(status)))(
    "taken under an id of its own, against a payment that is %s",
    (_, payment) => {
      const capture = charge({ provider_txn_id: "cap_1", held_as: "pi_1" });
      const unnamed = { ...capture, held_as: null };
      for (const one of [capture, unnamed])
        expect(kindsOf({ charges: [one], payments: [payment] })).toEqual(["status_differs"]);
      const foreign = { ...capture, held_as: "pi_2" };
      expect(kindsOf({ charges: [foreign], payments: [payment] })).toEqual(["charged_twice"]);
      const second = { ...unnamed, provider_txn_id: "cap_2" };
      expect(kindsOf({ charges: [unnamed, second], payments: [payment] })).toEqual([
        "status_differs",
        "charged_twice",
      ]);
    },
  );

  test("and became money under an id of its own is reported by that id alone, but for a payment that still names the hold", () => {
    const became = charge({
      provider_txn_id: "order:O1",
      answer: { kind: "succeeded", provider_txn_id: "pi_1" },
    });
    expect(kindsOf({ charges: [became] })).toEqual([]);
    for (const payment of [payments.SUCCEEDED, payments.REFUNDED, payments.FAILED, payments.CANCELLED])
      expect(kindsOf({ charges: [became], payments: [payment] })).toEqual([]);
    const naming = { ...payments.AUTHORIZED, provider_txn_id: "order:O1" };
    expect(kindsOf({ charges: [became], payments: [naming] })).toEqual(["status_differs"]);
  });

  test("of another amount, without a payment, or beside the payment's own charge", () => {
    const payment = payments.AUTHORIZED;
    expect(kindsOf({ charges: [held({ amount_cents: 599 })], payments: [payment] })).toEqual([
      "amount_differs",
    ]);
    expect(kindsOf({ charges: [held()] })).toEqual(["charge_without_payment"]);
    expect(kindsOf({ charges: [held({ provider_txn_id: "pi_2" })], payments: [payment] })).toEqual([
      "charged_twice",
    ]);
  });

  test("that has ended contradicts a payment that says it is held", () => {
    const ended = charge({ answer: { ...DECLINED, closed: true } });
    for (const status of ["AUTHORIZED", "CAPTURE_PENDING", "VOID_PENDING"] as const)
      expect(kindsOf({ charges: [ended], payments: [payments[status]] })).toEqual(["status_differs"]);
  });
});

test("a charge that its shopper has just confirmed differs only by its sum or by another charge", () => {
  const asked: Payment = { ...payments.UNKNOWN, action: { provider_txn_id: "pi_1", expires_at: 0 } };
  for (const kind of ["succeeded", "authorized"] as const) {
    const answer = { kind, provider_txn_id: "pi_1" };
    expect(kindsOf({ charges: [charge({ answer })], payments: [asked] })).toEqual([]);
    const less = charge({ answer, amount_cents: 599 });
    expect(kindsOf({ charges: [less], payments: [asked] })).toEqual(["amount_differs"]);
  }
  const other = charge({ provider_txn_id: "pi_2" });
  expect(kindsOf({ charges: [other], payments: [asked] })).toEqual(["status_differs"]);
});

describe("a charge that took money", () => {
  test.each(STATES)("against a payment that is %s", (status, payment) => {
    const expected: DifferenceKind[] = MOVED.has(status) ? [] : ["status_differs"];
    expect(kindsOf({ charges: [charge()], payments: [payment] })).toEqual(expected);
  });

  test("with another amount or currency, in any state of the payment", () => {
    for (const status of ["UNKNOWN", "CAPTURE_PENDING", "SUCCEEDED", "REFUNDED"] as const) {
      for (const changes of [{ amount_cents: 599 }, { currency: "USD" }]) {
        expect(kindsOf({ charges: [charge(changes)], payments: [payments[status]] })).toEqual([
          "amount_differs",
        ]);
      }
    }
  });

  test("without a payment, with or without a saga id", () => {
    for (const saga_id of [SAGA, null])
      expect(kindsOf({ charges: [charge({ saga_id })] })).toEqual(["charge_without_payment"]);
  });

  test("with another saga than its payment", () => {
    expect(kindsOf({ charges: [charge({ saga_id: OTHER })], payments: [payments.SUCCEEDED] })).toEqual([
      "saga_differs",
    ]);
  });

  test("in addition to the payment's own: only the second differs, in any order", () => {
    const second = charge({ provider_txn_id: "pi_2" });
    const both = [second, charge()];
    for (const charges of [both, both.toReversed(), [second]]) {
      const found = differencesOf({
        charges,
        refunds: [],
        absentCharges: [],
        absentRefunds: [],
        payments: [payments.SUCCEEDED],
      });
      expect(found).toMatchObject([{ kind: "charged_twice", subject: "pi_2", saga_id: SAGA }]);
    }
  });

  test("twice for a payment without a known charge", () => {
    const charges = [charge(), charge({ provider_txn_id: "pi_2" })];
    expect(kindsOf({ charges, payments: [payments.UNKNOWN] })).toEqual(["status_differs", "charged_twice"]);
    expect(kindsOf({ charges })).toEqual(["charge_without_payment", "charged_twice"]);
  });
});

test("a charge that took nothing contradicts only the payment that names it", () => {
  const charges = [charge({ answer: DECLINED })];
  for (const [, payment] of STATES) {
    const expected: DifferenceKind[] = "provider_txn_id" in payment ? ["status_differs"] : [];
    expect(kindsOf({ charges, payments: [payment] })).toEqual(expected);
  }
  expect(
    kindsOf({
      charges: [charge({ answer: DECLINED, provider_txn_id: "pi_2" })],
      payments: [payments.SUCCEEDED],
    }),
  ).toEqual([]);
  expect(kindsOf({ charges })).toEqual([]);
});

describe("a refund that was given", () => {
  test.each(STATES)("against a payment that is %s", (status, payment) => {
    const expected: DifferenceKind[] = status === "REFUNDED" ? [] : ["refund_differs"];
    expect(kindsOf({ refunds: [refund()], payments: [payment] })).toEqual(expected);
  });

  test.each<[string, Partial<ProviderRefund>]>([
    ["of a part", { amount_cents: 1 }],
    ["in another currency", { currency: "USD" }],
    ["a second time", { provider_refund_id: "re_2" }],
    ["of another charge", { provider_txn_id: "pi_2" }],
  ])("%s", (_, changes) => {
    const found = kindsOf({ refunds: [refund(changes)], payments: [payments.REFUNDED] });
    expect(found).toEqual(["refund_differs"]);
  });

  test.each<[string, Partial<ProviderRefund>, Payment]>([
    ["of a part", { amount_cents: 1 }, payments.SUCCEEDED],
    ["of all", {}, payments.SUCCEEDED],
    ["of a part, before ours", { amount_cents: 1 }, payments.REFUND_PENDING],
    ["a second time", { provider_refund_id: "re_2" }, payments.REFUNDED],
  ])("by somebody at the provider, %s", (_, changes, payment) => {
    // With or without what a provider may copy from the charge.
    for (const marks of [{ isMarked: false, saga_id: null }, {}]) {
      const refunds = [refund({ isRequestedHere: false, ...marks, ...changes })];
      expect(kindsOf({ refunds, payments: [payment] })).toEqual(["refund_elsewhere"]);
    }
  });

  test("for a payment that does not exist", () => {
    expect(kindsOf({ refunds: [refund()] })).toEqual(["refund_differs"]);
  });
});

test("a refund that is pending, or failed and will be retried, is no difference yet", () => {
  for (const status of ["pending", "failed"] as const) {
    expect(kindsOf({ refunds: [refund({ status })], payments: [payments.REFUND_PENDING] })).toEqual([]);
  }
});

describe("a refund that failed", () => {
  const failed = [refund({ status: "failed" })];

  test("after it had succeeded", () => {
    const found = differencesOf({
      charges: [],
      refunds: failed,
      absentCharges: [],
      absentRefunds: [],
      payments: [payments.REFUNDED],
    });
    expect(found).toMatchObject([{ kind: "refund_failed", subject: "re_1", saga_id: SAGA }]);
    expect(found[0]?.detail).toContain("after it was reported as refunded");
  });

  test("stays a difference until another one has succeeded", () => {
    const ours = { ...payments.REFUND_PENDING.refund, failed: ["re_1"], error_code: "REFUND_FAILED" };
    const waiting: Payment = { ...payments.REFUND_PENDING, refund: ours };
    expect(kindsOf({ refunds: failed, payments: [waiting] })).toEqual(["refund_failed"]);
    const done = { ...payments.REFUNDED.refund, failed: ["re_1"], provider_refund_id: "re_2" };
    expect(kindsOf({ refunds: failed, payments: [{ ...payments.REFUNDED, refund: done }] })).toEqual([]);
  });
});

test("ids that a payment names and the provider does not know", () => {
  const absent = { absentCharges: ["pi_1"], absentRefunds: ["re_1"] };
  expect(kindsOf({ ...absent, payments: [payments.REFUNDED] })).toEqual([
    "payment_without_charge",
    "refund_differs",
  ]);
  expect(kindsOf(absent)).toEqual([]);
});
