// How long PayPal's keys are trusted, and how late its list shows a payment. Used by cmd/payment.
//
// Only the key of an order is trusted for a time: PayPal keeps it for 6 h ("The server stores keys for 6 hours", PayPal-Request-Id of Orders
// v2), and later a second order could be made. The keys of captures, voids and refunds live for 45 days (Payments v2), and need no limit
// here: an approved order lives for 3 h and an authorization for 29 days, and PayPal refuses to capture or refund the same money twice under any
// key (ORDER_ALREADY_CAPTURED, AUTHORIZATION_ALREADY_CAPTURED, CAPTURE_FULLY_REFUNDED).
import { DEFAULT_POLICY, type PaymentPolicy } from "../../attempts/attempts.ts";
import { CREATE_TRUSTED_MS } from "./paypal.ts";
import { TRANSACTION_LAG_MS } from "./paypal-transactions.ts";

const MARGIN_MS = 30 * 60 * 1_000;

export const PAYPAL_POLICY: PaymentPolicy = {
  ...DEFAULT_POLICY,
  keyTrustedMs: CREATE_TRUSTED_MS,
  // An order lives for 3 h unless its money was taken or is held.
  forgetsWaiting: true,
  searchLagMs: TRANSACTION_LAG_MS + MARGIN_MS,
};
