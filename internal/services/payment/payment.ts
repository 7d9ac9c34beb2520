// What the payment service knows of one saga's money: the states of a payment and its refund, and what they are answered with.
// Data and its words only: decide.ts and attempts.ts move it, store.ts keeps it.
import type { PaymentCommand } from "../../../schemas/commands.ts";
import type { Outgoing } from "../../messaging/handler.ts";

export interface PaymentFacts {
  /** The message id of the command that made the row: ChargePayment, or for a tombstone the undo. */
  readonly payment_id: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  /** The saga wants this charge undone, whatever its outcome turns out to be. */
  readonly undo_requested: boolean;
  /** How often the provider has been, or is being, asked. Written before the request leaves. */
  readonly attempts: number;
  /**
   * The requests up to this number are known to have had no effect: never sent, or refused for now. Where that is all of them,
   * the provider has nothing, and the payment can be ended without it.
   */
  readonly void_attempts: number;
  /** Epoch ms of the first request that may have had an effect, as are all times here. The provider forgets the key some time after it. */
  readonly first_attempt_at: number | null;
  /**
   * When the provider was last asked to charge; later requests only look. Null before the first, and where it is not known because
   * an older version asked.
   */
  readonly charge_asked_at: number | null;
  /** The saga waits no longer: a charge that was not asked until then is not asked. Null where the saga did not say. */
  readonly answer_by: number | null;
  /** Trace context of the command that made the row, for the answers that come later. */
  readonly traceparent: string | null;
  readonly created_at: number;
}

/** PENDING: not asked, or being asked for the first time. UNKNOWN: asked, and no definite answer yet. */
export interface OpenPayment extends PaymentFacts {
  readonly status: "PENDING" | "UNKNOWN";
  readonly currency: string;
  /** Sealed; dropped once the outcome is known. */
  readonly payment_method: string;
  /** Lease while it is being asked, backoff while it waits: until then nobody asks. */
  readonly next_attempt_at: number;
}

export interface SucceededPayment extends PaymentFacts {
  readonly status: "SUCCEEDED";
  readonly currency: string;
  readonly provider_txn_id: string;
}

/** No money moved and none will. */
export interface FailedPayment extends PaymentFacts {
  readonly status: "FAILED";
  readonly currency: string;
  readonly error_code: string;
  readonly error_message: string;
}

/** Undone before the provider was asked. A tombstone, whose charge never came, has no currency and the amount 0. */
export interface CancelledPayment extends PaymentFacts {
  readonly status: "CANCELLED";
  readonly currency: string | null;
}

export interface RefundPendingPayment extends PaymentFacts {
  readonly status: "REFUND_PENDING";
  readonly currency: string;
  readonly provider_txn_id: string;
  readonly refund: PendingRefund;
}

export interface RefundedPayment extends PaymentFacts {
  readonly status: "REFUNDED";
  readonly currency: string;
  readonly provider_txn_id: string;
  readonly refund: CompletedRefund;
}

export type Payment =
  OpenPayment | SucceededPayment | FailedPayment | CancelledPayment | RefundPendingPayment | RefundedPayment;
export type PaymentStatus = Payment["status"];

interface RefundFacts {
  /** The payment's id: a payment is refunded once, and wholly. */
  readonly refund_id: string;
  readonly attempts: number;
  readonly created_at: number;
}

export interface PendingRefund extends RefundFacts {
  /** Lease and backoff, as in an open payment. */
  readonly next_attempt_at: number;
  /** Why the last attempt did not do it; null before the first. */
  readonly error_code: string | null;
}

export interface CompletedRefund extends RefundFacts {
  readonly provider_refund_id: string;
}
export type Refund = PendingRefund | CompletedRefund;

export interface Decision {
  /** The saga's payment from now on; the same object where nothing changed. */
  readonly payment: Payment;
  readonly out: readonly Outgoing[];
}

/** A decision that says nothing, whether or not it changes something. */
export function withoutMessages(payment: Payment): Decision {
  return { payment, out: [] };
}

export function isOpen(payment: Payment): payment is OpenPayment {
  return payment.status === "PENDING" || payment.status === "UNKNOWN";
}

/** Whether the provider has, or may have, something of this payment. */
export function mayBeAtProvider({ attempts, void_attempts }: PaymentFacts): boolean {
  return attempts > void_attempts;
}

/** What an open payment leaves to the settled one: all but its status, its token and its lease. */
export function withoutAttempt(payment: OpenPayment): PaymentFacts & { readonly currency: string } {
  const { payment_id, saga_id, amount_cents, currency, undo_requested } = payment;
  const { attempts, void_attempts, first_attempt_at, charge_asked_at } = payment;
  const { answer_by, traceparent, created_at } = payment;
  return {
    payment_id,
    saga_id,
    amount_cents,
    currency,
    undo_requested,
    attempts,
    void_attempts,
    first_attempt_at,
    charge_asked_at,
    answer_by,
    traceparent,
    created_at,
  };
}

/** Owes the shopper the whole amount, from `now` on. */
export function startRefund(payment: SucceededPayment, now: number): RefundPendingPayment {
  return {
    ...payment,
    status: "REFUND_PENDING",
    refund: {
      refund_id: payment.payment_id,
      attempts: 0,
      next_attempt_at: now,
      error_code: null,
      created_at: now,
    },
  };
}

/** Ends a payment that the provider has nothing of, for its undo. */
export function cancelUnsent(payment: OpenPayment): Decision {
  return {
    payment: { ...withoutAttempt(payment), status: "CANCELLED", undo_requested: true },
    out: [paymentCancelled(payment.saga_id)],
  };
}

/** The provider does one charge per key, however often it is asked. */
export function chargeKey(saga_id: string): string {
  return `${saga_id}:charge`;
}

export function refundKey(saga_id: string): string {
  return `${saga_id}:refund`;
}

export function paymentSucceeded(payment: SucceededPayment): Outgoing {
  const { saga_id, payment_id, provider_txn_id, amount_cents, currency } = payment;
  const transaction_id = provider_txn_id;
  return { type: "PaymentSucceeded", saga_id, payment_id, transaction_id, amount_cents, currency };
}

export function paymentFailed({ saga_id, error_code, error_message }: FailedPayment): Outgoing {
  return { type: "PaymentFailed", saga_id, error_code, error_message };
}

export function paymentCancelled(saga_id: string): Outgoing {
  return { type: "PaymentCancelled", saga_id };
}

export function refundCompleted({ saga_id, payment_id, amount_cents }: RefundedPayment): Outgoing {
  return { type: "RefundCompleted", saga_id, payment_id, amount_cents };
}

export function commandRefused({ saga_id, message_id, type }: PaymentCommand): Outgoing {
  return { type: "CommandRefused", saga_id, command_id: message_id, command_type: type };
}
