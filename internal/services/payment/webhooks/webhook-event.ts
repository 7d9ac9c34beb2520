// Decides what a webhook event changes in its payment. Pure. Called by webhook.ts.
//
// An event settles a payment by the same decisions as the result of a request (attempts.ts): whichever comes first wins, and the other
// changes nothing. An event may be old or out of order, so it changes only an open payment, a hold or a pending refund. If it contradicts
// a settled one, it opens an alert for a person.
import { assertNever } from "../../../kernel/errors.ts";
import { type PaymentPolicy, type RefundOutcome, settleCharge, settleRefund } from "../attempts/attempts.ts";
import { settleCapture, settleEndedHold } from "../attempts/holds.ts";
import { isAwaited, lookUpNow } from "../attempts/shopper-action.ts";
import { type Decision, type HeldPayment, isHeld, isOpen, type Payment } from "../payment.ts";
import type {
  ProviderApproval,
  ProviderCharge,
  ProviderDispute,
  ProviderRefund,
} from "../providers/ledger.ts";
import type { WebhookEvent } from "../providers/webhook-reader.ts";
import type { Difference } from "../difference.ts";
import {
  chargeDifference,
  chargeIn,
  DISPUTE_WON,
  disputeDifference,
  isItsCharge,
  isSameMoney,
  refundDifference,
} from "../differences.ts";

export type WebhookDecision =
  | { readonly kind: "settled"; readonly decision: Decision }
  | { readonly kind: "alert"; readonly difference: Difference }
  /** The provider says itself that the alert is over. */
  | { readonly kind: "over"; readonly difference: Difference; readonly note: string }
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
    case "approval":
      return decideApproval(payment, event.approval, now);
    case "dispute":
      return decideDispute(payment, event.dispute);
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
  if (payment !== undefined && isHeld(payment) && isItsCharge(charge, payment)) {
    const decision = decideHold(payment, charge, now, policy);
    if (decision !== null) return { kind: "settled", decision };
  }
  // A decline does not contradict a settled payment: it is its own result, or older than the success.
  return answer.kind === "succeeded" ? alertTo(chargeDifference(charge, payment)) : { kind: "unchanged" };
}

/** Null if the event settles nothing. Money that was taken without a capture of ours is left to a person. */
function decideHold(
  payment: HeldPayment,
  charge: ProviderCharge,
  now: number,
  policy: PaymentPolicy,
): Decision | null {
  const { answer, saga_id } = charge;
  if (saga_id !== payment.saga_id || !isSameMoney(charge, payment)) return null;
  // A capture that was declined under an id of its own does not say what became of the hold.
  const isHold = chargeIn(payment) === charge.provider_txn_id;
  if (isHold && answer.kind === "declined" && answer.closed === true)
    return settleEndedHold(payment, "AUTHORIZATION_ENDED", "the bank holds the money no longer");
  if (answer.kind !== "succeeded" || payment.status === "AUTHORIZED") return null;
  return settleCapture(payment, payment.hold_attempts, answer, now, policy);
}

function decideRefund(
  payment: Payment | undefined,
  refund: ProviderRefund,
  now: number,
  policy: PaymentPolicy,
): WebhookDecision {
  const { status, provider_refund_id, provider_txn_id, error_code } = refund;
  if (payment === undefined || chargeIn(payment) !== provider_txn_id || !isSameMoney(refund, payment))
    return alertTo(refundDifference(refund, payment));
  const settled = (outcome: RefundOutcome): WebhookDecision => {
    const attempt = "refund" in payment ? payment.refund.attempts : 0;
    const decision = settleRefund(payment, attempt, outcome, now, policy);
    return decision.payment === payment ? { kind: "unchanged" } : { kind: "settled", decision };
  };
  if (status === "failed")
    return isOurRefund(refund, payment)
      ? settled({ kind: "failed", provider_refund_id, error_code: error_code ?? "REFUND_FAILED" })
      : { kind: "unchanged" };
  const isLate = payment.status === "REFUND_PENDING" && payment.refund.failed.includes(provider_refund_id);
  // An event from before its failure.
  if (isLate) return { kind: "unchanged" };
  return status === "succeeded" && payment.status === "REFUND_PENDING"
    ? settled({ kind: "succeeded", provider_refund_id })
    : alertTo(refundDifference(refund, payment));
}

/** Whether this service requested it. The failure of a refund that somebody else made says nothing about ours. */
function isOurRefund({ provider_refund_id, isRequestedHere }: ProviderRefund, payment: Payment): boolean {
  if (payment.status === "REFUND_PENDING")
    return (
      !payment.refund.failed.includes(provider_refund_id) &&
      (isRequestedHere || payment.refund.provider_refund_id === provider_refund_id)
    );
  return payment.status === "REFUNDED" && payment.refund.provider_refund_id === provider_refund_id;
}

/** The event only says that it is time to ask: what the provider answers then is what counts. */
function decideApproval(
  payment: Payment | undefined,
  { provider_txn_id }: ProviderApproval,
  now: number,
): WebhookDecision {
  const waits =
    payment !== undefined &&
    isOpen(payment) &&
    isAwaited(payment) &&
    payment.action?.provider_txn_id === provider_txn_id;
  return waits ? { kind: "settled", decision: lookUpNow(payment, now) } : { kind: "unchanged" };
}

function decideDispute(payment: Payment | undefined, dispute: ProviderDispute): WebhookDecision {
  // Of another shop's charge.
  if (payment === undefined) return { kind: "unchanged" };
  const difference = disputeDifference(dispute, payment);
  return dispute.status === "won"
    ? { kind: "over", difference, note: DISPUTE_WON }
    : { kind: "alert", difference };
}

function alertTo(difference: Difference | null): WebhookDecision {
  return difference === null ? { kind: "unchanged" } : { kind: "alert", difference };
}
