// What the payments of the payment service's unit tests have in common. Each test adds the status and what belongs to it.
import type { PaymentProvider } from "../services/payment/providers/provider.ts";

export const SAGA = "01900000-0000-7000-8000-000000000001";

/** EUR 6.00 by card, asked for once. */
export const FACTS = {
  payment_id: SAGA,
  saga_id: SAGA,
  amount_cents: 600,
  currency: "EUR",
  provider: "stripe",
  capture: "automatic" as const,
  shopper_present: false,
  undo_requested: false,
  attempts: 1,
  void_attempts: 0,
  charge_asked_at: null,
  answer_by: null,
  first_attempt_at: 0,
  traceparent: null,
  created_at: 0,
};

/** A call that no test expects. */
export const never = () => Promise.reject(new Error("nobody asks for this"));

/** A provider that rejects every call. Each test adds the calls that it expects. */
export const UNASKED: PaymentProvider = {
  name: "paypal",
  charge: never,
  findCharge: never,
  lookUpCharge: never,
  capture: never,
  cancelCharge: never,
  actionOf: never,
  refund: never,
  findRefund: never,
};
