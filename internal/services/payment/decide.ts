// Decides the payment commands. Pure. Called by handler.ts and by the model explorer; attempts/ settles the provider's results.
//
// An undo settles the saga's payment for good: it refunds what was or will be charged, releases what is or will be held, or leaves a
// tombstone that refuses a late charge. Once a request was sent, only the provider's definite result says what there is to undo.
import type {
  AuthorizePayment,
  CapturePayment,
  ChargePayment,
  PaymentCommand,
} from "../../../schemas/commands.ts";
import { assertNever } from "../../kernel/errors.ts";
import {
  actionRequired,
  cancelUnsent,
  commandRefused,
  type Decision,
  DEFAULT_PROVIDER,
  type FailedPayment,
  mayBeAtProvider,
  type OpenPayment,
  type Payment,
  paymentAuthorized,
  paymentCancelled,
  paymentFailed,
  paymentSucceeded,
  refundCompleted,
  startCapture,
  startRefund,
  startVoid,
  withoutMessages,
} from "./payment.ts";

/** A command that starts a payment. */
type FirstCommand = ChargePayment | AuthorizePayment;

/**
 * Decides one command. `payment` is the saga's payment, or null. `now` in epoch ms. `serves`: whether there is a provider of this name;
 * by default each has one.
 */
export function decide(
  payment: Payment | null,
  command: PaymentCommand,
  now: number,
  serves: (provider: string) => boolean = () => true,
): Decision {
  switch (command.type) {
    case "ChargePayment":
    case "AuthorizePayment":
      return payment === null ? begin(command, now, serves) : beginAgain(payment, command);
    case "CapturePayment":
      return payment === null
        ? captureOfNothing(command, now)
        : capture(traced(payment, command), command, now);
    case "CancelPayment":
    case "RefundPayment":
      return payment === null ? tombstone(command, now) : undo(traced(payment, command), now);
    default:
      return assertNever(command);
  }
}

/** No reply yet: the executor requests the charge, and the result becomes the reply. */
function begin(command: FirstCommand, now: number, serves: (provider: string) => boolean): Decision {
  const { amount_cents, currency, payment_method } = command;
  const facts = {
    ...newFacts(command, now),
    amount_cents,
    currency,
    shopper_present: command.shopper_present ?? false,
    // Measured from here by one clock: a difference to the orchestrator's clock must not end payments.
    answer_by: command.answer_within_ms === undefined ? null : now + command.answer_within_ms,
  };
  if (serves(facts.provider))
    return withoutMessages({
      ...facts,
      status: "PENDING",
      payment_method,
      next_attempt_at: now,
      action: null,
    });
  const failed: FailedPayment = {
    ...facts,
    status: "FAILED",
    error_code: "PAYMENT_METHOD_INVALID",
    error_message: `this shop does not pay with ${facts.provider}`,
  };
  return { payment: failed, out: [paymentFailed(failed)] };
}

function beginAgain(payment: Payment, command: FirstCommand): Decision {
  switch (payment.status) {
    case "PENDING":
    case "UNKNOWN":
      if (payment.undo_requested) return refused(payment, command);
      return { payment, out: payment.action === null ? [] : [actionRequired(payment, payment.action)] };
    case "AUTHORIZED":
    case "CAPTURE_PENDING":
      return command.type === "AuthorizePayment"
        ? { payment, out: [paymentAuthorized(payment)] }
        : refused(payment, command);
    case "SUCCEEDED":
      return command.type === "AuthorizePayment"
        ? { payment, out: [paymentAuthorized(payment)] }
        : { payment, out: [paymentSucceeded(payment)] };
    case "FAILED":
      return { payment, out: [paymentFailed(payment)] };
    case "VOID_PENDING":
    case "CANCELLED":
    case "REFUND_PENDING":
    case "REFUNDED":
      return refused(payment, command);
    default:
      return assertNever(payment);
  }
}

/** No reply yet, as for a charge. */
function capture(payment: Payment, command: CapturePayment, now: number): Decision {
  switch (payment.status) {
    case "AUTHORIZED":
      return withoutMessages(startCapture(payment, now));
    case "CAPTURE_PENDING":
      return withoutMessages(payment);
    case "VOID_PENDING":
      // Without an undo, this is the end of a capture that failed: its reply follows.
      return payment.undo_requested ? refused(payment, command) : withoutMessages(payment);
    case "SUCCEEDED":
      return { payment, out: [paymentSucceeded(payment)] };
    case "FAILED":
      return { payment, out: [paymentFailed(payment)] };
    case "PENDING":
    case "UNKNOWN":
    case "CANCELLED":
    case "REFUND_PENDING":
    case "REFUNDED":
      return refused(payment, command);
    default:
      return assertNever(payment);
  }
}

/** The payment was lost with its database. Nothing is known to capture, so the saga has to undo. */
function captureOfNothing(command: CapturePayment, now: number): Decision {
  return { payment: gravestone(command, now), out: [commandRefused(command)] };
}

/** Takes the place of the charge, which is refused if it still comes. */
function tombstone(command: PaymentCommand, now: number): Decision {
  return { payment: gravestone(command, now), out: [paymentCancelled(command.saga_id)] };
}

function gravestone(command: PaymentCommand, now: number): Payment {
  const facts = { ...newFacts(command, now), undo_requested: true };
  return { ...facts, status: "CANCELLED", amount_cents: 0, currency: null };
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
    case "AUTHORIZED":
    case "CAPTURE_PENDING":
      // The answer to the void says what a capture in flight has done.
      return withoutMessages(startVoid({ ...payment, undo_requested: true }, now, null));
    case "VOID_PENDING":
      return withoutMessages({ ...payment, undo_requested: true });
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

function newFacts(command: PaymentCommand, now: number) {
  const { message_id, saga_id, traceparent, type } = command;
  return {
    payment_id: message_id,
    saga_id,
    provider: ("provider" in command ? command.provider : undefined) ?? DEFAULT_PROVIDER,
    capture: type === "AuthorizePayment" ? ("manual" as const) : ("automatic" as const),
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

function refused(payment: Payment, command: PaymentCommand): Decision {
  return { payment, out: [commandRefused(command)] };
}
