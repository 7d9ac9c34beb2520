// What the status of Stripe's refunds means. Called by stripe.ts and stripe-ledger.ts.
import type { Stripe } from "stripe";

/** Stripe gave the money back to us, and nothing to the shopper. A cancelled refund was stopped by a person before it was done. */
export function isFailed(status: string | null): boolean {
  return status === "failed" || status === "canceled";
}

/** Why a refund failed, as far as an operator can act on it. https://docs.stripe.com/api/refunds/object */
const FAILURES: Readonly<Record<string, string>> = {
  charge_for_pending_refund_disputed: "REFUND_FAILED_DISPUTED",
  declined: "REFUND_FAILED_DECLINED",
  expired_or_canceled_card: "REFUND_FAILED_CARD_CLOSED",
  insufficient_funds: "REFUND_FAILED_NO_FUNDS",
  lost_or_stolen_card: "REFUND_FAILED_CARD_CLOSED",
  merchant_request: "REFUND_FAILED_STOPPED",
};

/** Our code for a refund that is not done. The lists of the API have an open tail: any other text is left out. */
export function refundCodeOf({ status, failure_reason, pending_reason }: Stripe.Refund): string {
  if (status === "canceled") return "REFUND_CANCELED";
  if (status === "failed") return FAILURES[failure_reason ?? ""] ?? "REFUND_FAILED";
  if (status === "requires_action") return "REFUND_REQUIRES_ACTION";
  if (status !== "pending") return "REFUND_UNKNOWN";
  return pending_reason === "insufficient_funds" ? "REFUND_WAITS_FOR_FUNDS" : "REFUND_PENDING";
}
