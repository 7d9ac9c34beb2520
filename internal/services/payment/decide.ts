// Decides the payment commands. Pure. Called by handler.ts and by the model explorer; attempts.ts settles the provider's results.
//
// An undo settles the saga's payment for good: it refunds what was or will be charged, or leaves a tombstone that refuses a late
// charge. Once a request was sent, only the provider's definite result says what there is to refund.
import type { ChargePayment, PaymentCommand } from "../../../schemas/commands.ts";
import { assertNever } from "../../kernel/errors.ts";
import {
  actionRequired,
  cancelUnsent,
  commandRefused,
  type Decision,
  mayBeAtProvider,
  type OpenPayment,
  type Payment,
  paymentCancelled,
  paymentFailed,
  paymentSucceeded,
  refundCompleted,
  withoutMessages,
  startRefund,
} from "./payment.ts";

/** Decides one command. `payment` is the saga's payment, or null. `now` in epoch ms. */
export function decide(payment: Payment | null, command: PaymentCommand, now: number): Decision {
  switch (command.type) {
    case "ChargePayment":
      return payment === null ? begin(command, now) : chargeAgain(payment, command);
    case "CancelPayment":
    case "RefundPayment":
      return payment === null ? tombstone(command, now) : undo(traced(payment, command), now);
    default:
      return assertNever(command);
  }
}

/** No reply yet: the executor requests the charge, and the result becomes the reply. */
function begin(command: ChargePayment, now: number): Decision {
  return withoutMessages({
    ...newFacts(command, now),
    status: "PENDING",
    amount_cents: command.amount_cents,
    currency: command.currency,
    payment_method: command.payment_method,
    shopper_present: command.shopper_present ?? false,
    next_attempt_at: now,
    action: null,
    // Measured from here by one clock: a difference to the orchestrator's clock must not end payments.
    answer_by: command.answer_within_ms === undefined ? null : now + command.answer_within_ms,
  });
}

function chargeAgain(payment: Payment, command: ChargePayment): Decision {
  switch (payment.status) {
    case "PENDING":
    case "UNKNOWN":
      if (payment.undo_requested) return refused(payment, command);
      return { payment, out: payment.action === null ? [] : [actionRequired(payment, payment.action)] };
    case "SUCCEEDED":
      return { payment, out: [paymentSucceeded(payment)] };
    case "FAILED":
      return { payment, out: [paymentFailed(payment)] };
    case "CANCELLED":
    case "REFUND_PENDING":
    case "REFUNDED":
      return refused(payment, command);
    default:
      return assertNever(payment);
  }
}

/** Takes the place of the charge, which is refused if it still comes. */
function tombstone(command: PaymentCommand, now: number): Decision {
  const facts = { ...newFacts(command, now), undo_requested: true };
  return {
    payment: { ...facts, status: "CANCELLED", amount_cents: 0, currency: null },
    out: [paymentCancelled(command.saga_id)],
  };
}

/** What follows continues the trace of the undo; the payment's own may not be recorded. */
function traced(payment: Payment, { traceparent }: PaymentCommand): Payment {
  return traceparent === undefined ? payment : { ...payment, traceparent };
}

/** CancelPayment and RefundPayment are the same undo: they differ only in what the saga knew when it sent them. */
function undo(payment: Payment, now: number): Decision {
  switch (payment.status) {
    case "PENDING":
    case "UNKNOWN":
      return undoOpen(payment, now);
    case "SUCCEEDED":
      return withoutMessages(startRefund({ ...payment, undo_requested: true }, now));
    case "FAILED":
    case "CANCELLED":
      return { payment, out: [paymentCancelled(payment.saga_id)] };
    case "REFUND_PENDING":
      return withoutMessages(payment);
    case "REFUNDED":
      return { payment, out: [refundCompleted(payment)] };
    default:
      return assertNever(payment);
  }
}

/** A claim is durable before its request is sent, so a payment without attempts was never requested and never will be. */
function undoOpen(payment: OpenPayment, now: number): Decision {
  // A charge that waits for the shopper is cancelled at once. A look-up that is in flight does no harm.
  if (payment.action !== null)
    return withoutMessages({ ...payment, undo_requested: true, next_attempt_at: now });
  if (mayBeAtProvider(payment)) return withoutMessages({ ...payment, undo_requested: true });
  return cancelUnsent(payment);
}

function newFacts({ message_id, saga_id, traceparent }: PaymentCommand, now: number) {
  return {
    payment_id: message_id,
    saga_id,
    shopper_present: false,
    undo_requested: false,
    attempts: 0,
    void_attempts: 0,
    first_attempt_at: null,
    charge_asked_at: null,
    answer_by: null,
    traceparent: traceparent ?? null,
    created_at: now,
  };
}

function refused(payment: Payment, command: ChargePayment): Decision {
  return { payment, out: [commandRefused(command)] };
}
