// When an operator may say that the shopper was paid in another way: only once the provider will not give the money back.
import { expect, test } from "bun:test";
import type { RefundPendingPayment } from "../payment.ts";
import { refundedOutside } from "./settle-refund-by-hand.ts";

const PAYMENT_ID = "0198c0de-0000-7000-8000-0000000000aa";

function pending(error_code: string | null): RefundPendingPayment {
  return {
    payment_id: PAYMENT_ID,
    saga_id: "0198c0de-0000-7000-8000-000000000001",
    amount_cents: 600,
    provider: "paypal",
    capture: "automatic",
    shopper_present: true,
    undo_requested: true,
    attempts: 1,
    void_attempts: 0,
    first_attempt_at: 0,
    charge_asked_at: 0,
    answer_by: null,
    traceparent: null,
    created_at: 0,
    status: "REFUND_PENDING",
    currency: "EUR",
    provider_txn_id: "C1",
    refund: {
      refund_id: PAYMENT_ID,
      attempts: 7,
      created_at: 0,
      failed: [],
      reported: false,
      next_attempt_at: 0,
      error_code,
      provider_refund_id: null,
    },
  };
}

const settle = (error_code: string | null) =>
  refundedOutside(
    pending(error_code),
    { findRefund: () => Promise.resolve({ kind: "not_found" } as const) },
    false,
  );

test.each([
  "CHARGE_DISPUTED",
  "CHARGE_NOT_REFUNDABLE",
  "REFUND_DISPUTED_PAYMENT",
  "REFUND_TIME_LIMIT_EXCEEDED",
  "REFUND_NOT_ALLOWED",
  "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
])("after %s the provider is not asked in vain forever", async (error_code) => {
  expect(await settle(error_code)).toMatchObject({
    result: { outcome: { kind: "succeeded", provider_refund_id: `outside:${PAYMENT_ID}` } },
  });
});

test.each([
  null,
  "TIMEOUT",
  "SERVER_ERROR",
  "REFUND_PENDING",
  "REFUND_WAITS_FOR_FUNDS",
  "BALANCE_INSUFFICIENT",
])("while it may still succeed (%s), nobody pays the shopper twice", async (error_code) => {
  await expect(settle(error_code)).rejects.toThrow("the provider is still asked for it");
});
