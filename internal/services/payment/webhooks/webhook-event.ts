// Decides what a webhook event changes in its payment. Pure. Called by webhook.ts.
//
// An event settles a payment by the same decisions as the result of a request (attempts.ts): whichever comes first wins, and the other
// changes nothing. An event may be old or out of order, so it changes only an open payment or a pending refund. If it contradicts a
// settled one, it opens an alert for a person.
import { assertNever } from "../../../kernel/errors.ts";
import { type PaymentPolicy, settleCharge, settleRefund } from "../attempts/attempts.ts";
import { type Decision, isOpen, type Payment } from "../payment.ts";
import type { ProviderCharge, ProviderRefund } from "../providers/ledger.ts";
import type { WebhookEvent } from "../providers/webhook-reader.ts";
import {
  chargeDifference,
  chargeIn,
  type Difference,
  isSameMoney,
  refundDifference,
} from "../differences.ts";

export type WebhookDecision =
  | { readonly kind: "settled"; readonly decision: Decision }
  | { readonly kind: "alert"; readonly difference: Difference }
  | { readonly kind: "unchanged" };

/** `payment` is the one with the event's charge, else the saga's. `now` in epoch ms. */
export function decideWebhookEvent(
  payment: Payment | undefined,
  event: WebhookEvent,
  now: number,
  policy: PaymentPolicy,
): WebhookDecision {
  switch (event.kind) {
    case "charge":
      return decideCharge(payment, event.charge, now, policy);
    case "refund":
      return decideRefund(payment, event.refund, now, policy);
    default:
      return assertNever(event);
  }
}

function decideCharge(
  payment: Payment | undefined,
  charge: ProviderCharge,
  now: number,
  policy: PaymentPolicy,
): WebhookDecision {
  const { answer, saga_id } = charge;
  if (
    payment !== undefined &&
    isOpen(payment) &&
    saga_id === payment.saga_id &&
    isSameMoney(charge, payment)
  ) {
    // A charge that waits for its shopper is news only to the request that made it.
    if (answer.kind === "unknown" || answer.kind === "action_required") return { kind: "unchanged" };
    return { kind: "settled", decision: settleCharge(payment, payment.attempts, answer, now, policy) };
  }
  // A decline does not contradict a settled payment: it is its own result, or older than the success.
  return answer.kind === "succeeded" ? alertTo(chargeDifference(charge, payment)) : { kind: "unchanged" };
}

function decideRefund(
  payment: Payment | undefined,
  refund: ProviderRefund,
  now: number,
  policy: PaymentPolicy,
): WebhookDecision {
  const { status, provider_refund_id, provider_txn_id } = refund;
  const isAwaited =
    payment?.status === "REFUND_PENDING" &&
    chargeIn(payment) === provider_txn_id &&
    isSameMoney(refund, payment);
  if (!isAwaited || status === "pending") return alertTo(refundDifference(refund, payment));
  // The executor will retry the refund.
  if (status === "failed") return { kind: "unchanged" };
  const outcome = { kind: "succeeded", provider_refund_id } as const;
  return { kind: "settled", decision: settleRefund(payment, payment.refund.attempts, outcome, now, policy) };
}

function alertTo(difference: Difference | null): WebhookDecision {
  return difference === null ? { kind: "unchanged" } : { kind: "alert", difference };
}
