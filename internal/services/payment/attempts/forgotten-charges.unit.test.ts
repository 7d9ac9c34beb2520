// A charge that waited for its shopper until the provider forgot it: PayPal's orders live for three hours.
import { describe, expect, test } from "bun:test";
import { FACTS, never, SAGA, UNASKED } from "../../../testkit/payment-facts.ts";
import type { OpenPayment } from "../payment.ts";
import { PAYPAL_POLICY } from "../providers/paypal/paypal-policy.ts";
import type { FoundCharge, PaymentProvider } from "../providers/provider.ts";
import { claimCharge, DEFAULT_POLICY, type PaymentPolicy, settleCharge } from "./attempts.ts";
import { requestOf } from "./provider-call.ts";

const HOUR_MS = 60 * 60 * 1_000;
const waiting: OpenPayment = {
  ...FACTS,
  provider: "paypal",
  capture: "manual",
  shopper_present: true,
  undo_requested: true,
  charge_asked_at: 0,
  status: "UNKNOWN",
  payment_method: "sealed",
  next_attempt_at: 0,
  action: { provider_txn_id: "order:O1", expires_at: HOUR_MS },
};
const notFound = { kind: "not_found" } as const;

/** The outcome of a request to a provider that has forgotten the charge, and whose search says `found`. */
async function asked(ask: "look_up" | "cancel", found: FoundCharge) {
  const provider: PaymentProvider = {
    ...UNASKED,
    findCharge: ({ saga_id }) => (saga_id === SAGA ? Promise.resolve(found) : never()),
    lookUpCharge: () => Promise.resolve(notFound),
    cancelCharge: () => Promise.resolve(notFound),
  };
  const request = { ask, attempt: 2 };
  const { outcome } = await requestOf(
    provider,
    never,
    { kind: "charge", payment: waiting, request },
    Infinity,
  );
  return outcome;
}

test.each(["look_up", "cancel"] as const)("after a %s it is searched", async (ask) => {
  expect(await asked(ask, notFound)).toEqual({ kind: "not_found", execution_over: false });
  const taken = { kind: "succeeded", provider_txn_id: "C1" } as const;
  expect(await asked(ask, taken)).toEqual(taken);
  expect(await asked(ask, { kind: "deferred", reason: "unavailable", retry_after_ms: null })).toEqual({
    kind: "unknown",
  });
});

describe("that it is nowhere", () => {
  /** What the payment becomes when a request sent at `now` finds nothing. */
  const settled = (now: number, policy: PaymentPolicy, payment = waiting) => {
    const claim = claimCharge(payment, now, policy);
    if (claim === null) throw new Error("the payment is due");
    const outcome = { kind: "not_found", execution_over: false } as const;
    const decision = settleCharge(claim.payment, claim.request.attempt, outcome, now, policy);
    return [decision.payment.status, ...decision.out.map(({ type }) => type)].join(" ");
  };
  const { executionMs, searchLagMs, keyTrustedMs } = PAYPAL_POLICY;

  test("proves nothing while its money may still appear, and then ends its undo", () => {
    expect(settled(executionMs + searchLagMs - 1, PAYPAL_POLICY)).toBe("UNKNOWN");
    expect(settled(executionMs + searchLagMs, PAYPAL_POLICY)).toBe("FAILED PaymentCancelled");
  });

  test("ends a charge that is waited for when its key is not trusted any more", () => {
    const awaited = { ...waiting, undo_requested: false };
    expect(settled(keyTrustedMs + searchLagMs - 1, PAYPAL_POLICY, awaited)).toBe("UNKNOWN");
    expect(settled(keyTrustedMs + searchLagMs, PAYPAL_POLICY, awaited)).toBe("FAILED PaymentFailed");
  });

  test("is never believed of a provider that forgets nothing", () => {
    expect(settled(30 * 24 * HOUR_MS, DEFAULT_POLICY)).toBe("UNKNOWN");
  });
});
