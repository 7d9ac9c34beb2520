// The states of one saga's payment and refund, and the events that report them. Data only: decide.ts and attempts/ change it, store.ts
// saves it.
import type { PaymentCommand } from "../../../schemas/commands.ts";
import type { ChargedCard } from "../../../schemas/fields.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import type { Difference } from "./difference.ts";

/** Provider of payments whose command names none. */
export const DEFAULT_PROVIDER = "stripe";

/** `automatic`: the charge takes the money. `manual`: it has the money held at the bank, and a capture takes it. */
export type CaptureMethod = "automatic" | "manual";

export interface PaymentFacts {
  /** The message id of the command that created the row: ChargePayment, or the undo for a tombstone. */
  readonly payment_id: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  /** Name of the provider, as its registry has it. */
  readonly provider: string;
  readonly capture: CaptureMethod;
  /** The shopper can confirm the payment at the bank. A repeat with one key must be the same request, so it is saved. */
  readonly shopper_present: boolean;
  /** The saga wants this charge undone, whatever its outcome. */
  readonly undo_requested: boolean;
  /** Number of requests to the provider, including one in flight. Saved before the request is sent. */
  readonly attempts: number;
  /**
   * The requests up to this number had no effect: never sent, refused or deferred. If these are all requests, the provider has no
   * charge, and the payment can end without it.
   */
  readonly void_attempts: number;
  /** The first request that may have had an effect. All times here are epoch ms. The provider forgets the key some time later. */
  readonly first_attempt_at: number | null;
  /**
   * When the last charge request was sent; later requests only search. Null before the first, and if an older version sent it
   * without saving the time.
   */
  readonly charge_asked_at: number | null;
  /** The saga waits until then: a charge that is not sent in time is not sent at all. Null if the saga set no limit. */
  readonly answer_by: number | null;
  /** Trace context of the command that created the row, for the later replies. */
  readonly traceparent: string | null;
  readonly created_at: number;
}

/** The bank wants the shopper to confirm the charge. From then on the charge is asked about by its id alone. */
export interface ShopperAction {
  /** The provider's id of the charge. */
  readonly provider_txn_id: string;
  /** Epoch ms: how long the shopper may confirm it. The saga may wait less. */
  readonly expires_at: number;
}

/** PENDING: not requested yet, or the first request is in flight. UNKNOWN: requested, and no definite result yet. */
export interface OpenPayment extends PaymentFacts {
  readonly status: "PENDING" | "UNKNOWN";
  readonly currency: string;
  /** Sealed; deleted once the outcome is known. */
  readonly payment_method: string;
  /** Lease while a request is in flight, backoff between requests: no request is sent before this time. */
  readonly next_attempt_at: number;
  /** Null unless the charge waits for the shopper; never taken away while the payment is open. */
  readonly action: ShopperAction | null;
}

/** What every payment whose money is or was held has. */
interface Hold extends PaymentFacts {
  readonly currency: string;
  /** The provider's id of the charge that holds the money, and later of the money taken. */
  readonly provider_txn_id: string;
  /** Until when the money can be taken, epoch ms; null if the provider does not say. */
  readonly capture_before: number | null;
}

/** The money is held, and nobody has asked yet to take or release it. */
export interface AuthorizedPayment extends Hold {
  readonly status: "AUTHORIZED";
}

/** A hold that is to be taken or released by a request. */
interface HoldInWork extends Hold {
  /** Number of requests in this status, including one in flight. Saved before the request is sent. */
  readonly hold_attempts: number;
  /** Lease and backoff, as for an open payment. */
  readonly next_attempt_at: number;
}

/** The money is to be taken. It ends when the provider says that it was, or that it cannot be. */
export interface CapturePendingPayment extends HoldInWork {
  readonly status: "CAPTURE_PENDING";
}

/** The hold is to be released, until the provider says that it is, or that the money was taken. A capture may still be in flight. */
export interface VoidPendingPayment extends HoldInWork {
  readonly status: "VOID_PENDING";
  /** Why the money could not be taken; null for an undo, which explains itself. */
  readonly failure: Failure | null;
}

interface Failure {
  readonly error_code: string;
  readonly error_message: string;
}

export interface SucceededPayment extends PaymentFacts {
  readonly status: "SUCCEEDED";
  readonly currency: string;
  readonly provider_txn_id: string;
}

/** No money moved, and none will. */
export interface FailedPayment extends PaymentFacts {
  readonly status: "FAILED";
  readonly currency: string;
  readonly error_code: string;
  readonly error_message: string;
}

/** Undone while the provider had no charge, or its hold was released. A tombstone (its charge command never came) has no currency and the amount 0. */
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

export type HeldPayment = AuthorizedPayment | CapturePendingPayment | VoidPendingPayment;

export type Payment =
  | OpenPayment
  | AuthorizedPayment
  | CapturePendingPayment
  | VoidPendingPayment
  | SucceededPayment
  | FailedPayment
  | CancelledPayment
  | RefundPendingPayment
  | RefundedPayment;
export type PaymentStatus = Payment["status"];

interface RefundFacts {
  /** The payment's id: a payment is refunded once, in full. */
  readonly refund_id: string;
  readonly attempts: number;
  readonly created_at: number;
  /**
   * The provider's ids of refunds of this charge that failed, some after they had succeeded. From the first one on no refund is
   * requested, because a person may pay the shopper in another way; it is only looked for one.
   */
  readonly failed: readonly string[];
  /** The saga knows that the refund succeeded. If it failed since, the saga does not hear of the next one. */
  readonly reported: boolean;
}

export interface PendingRefund extends RefundFacts {
  /** Lease and backoff, as for an open payment. */
  readonly next_attempt_at: number;
  /** Why the last attempt did not succeed; null before the first. */
  readonly error_code: string | null;
  /** The provider's id of the refund that it has taken on and not finished. */
  readonly provider_refund_id: string | null;
}

export interface CompletedRefund extends RefundFacts {
  readonly provider_refund_id: string;
}
export type Refund = PendingRefund | CompletedRefund;

export interface Decision {
  /** The saga's new payment; the same object if nothing changed. */
  readonly payment: Payment;
  readonly out: readonly Outgoing[];
  /** What a person must know of. */
  readonly alert?: Difference;
}

/** A decision that sends no messages, with or without a change. */
export function withoutMessages(payment: Payment): Decision {
  return { payment, out: [] };
}

export function isOpen(payment: Payment): payment is OpenPayment {
  return payment.status === "PENDING" || payment.status === "UNKNOWN";
}

/** The money is, or may be, held at the bank. */
export function isHeld(payment: Payment): payment is HeldPayment {
  const { status } = payment;
  return status === "AUTHORIZED" || status === "CAPTURE_PENDING" || status === "VOID_PENDING";
}

/** Whether the provider has, or may have, a charge for this payment. */
export function mayBeAtProvider({ attempts, void_attempts }: PaymentFacts): boolean {
  return attempts > void_attempts;
}

/** The fields that payments of every status have, without those of its status. */
export function factsOf(payment: PaymentFacts): PaymentFacts {
  const { payment_id, saga_id, amount_cents, provider, capture, shopper_present, undo_requested } = payment;
  const { attempts, void_attempts, first_attempt_at, charge_asked_at } = payment;
  const { answer_by, traceparent, created_at } = payment;
  return {
    payment_id,
    saga_id,
    amount_cents,
    provider,
    capture,
    shopper_present,
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

/** The fields that a settled payment takes over from the open one: all except status, token and lease. */
export function withoutAttempt(payment: OpenPayment): PaymentFacts & { readonly currency: string } {
  return { ...factsOf(payment), currency: payment.currency };
}

function holdOf(payment: HeldPayment): Hold {
  const { currency, provider_txn_id, capture_before } = payment;
  return { ...factsOf(payment), currency, provider_txn_id, capture_before };
}

/** Has the money taken, due at `now`. */
export function startCapture(payment: AuthorizedPayment, now: number): CapturePendingPayment {
  return { ...holdOf(payment), status: "CAPTURE_PENDING", hold_attempts: 0, next_attempt_at: now };
}

/** Has the hold released, due at `now`. `failure` is why the money cannot be taken; null for an undo. */
export function startVoid(payment: HeldPayment, now: number, failure: Failure | null): VoidPendingPayment {
  return { ...holdOf(payment), status: "VOID_PENDING", hold_attempts: 0, next_attempt_at: now, failure };
}

/** The money of a hold was taken. */
export function taken(payment: HeldPayment, provider_txn_id: string): SucceededPayment {
  return { ...factsOf(payment), status: "SUCCEEDED", currency: payment.currency, provider_txn_id };
}

/** Starts the refund of the full amount, due at `now`. */
export function startRefund(payment: SucceededPayment, now: number): RefundPendingPayment {
  return {
    ...payment,
    status: "REFUND_PENDING",
    refund: {
      refund_id: payment.payment_id,
      attempts: 0,
      next_attempt_at: now,
      error_code: null,
      provider_refund_id: null,
      failed: [],
      reported: false,
      created_at: now,
    },
  };
}

/** Cancels a payment for which the provider has no charge, and replies to its undo. */
export function cancelUnsent(payment: OpenPayment): Decision {
  return {
    payment: { ...withoutAttempt(payment), status: "CANCELLED", undo_requested: true },
    out: [paymentCancelled(payment.saga_id)],
  };
}

/** The provider makes one charge per key, however often the request is repeated. */
export function chargeKey(saga_id: string): string {
  return `${saga_id}:charge`;
}

export function refundKey(saga_id: string): string {
  return `${saga_id}:refund`;
}

/** The provider takes the money of one hold once, under any key. */
export function captureKey(saga_id: string): string {
  return `${saga_id}:capture`;
}

/**
 * Also for a payment whose money is taken by now: the saga goes on as after the first reply. `card` goes on to the order and is not kept
 * here: a repeated reply is without it.
 */
export function paymentAuthorized(payment: HeldPayment | SucceededPayment, card?: ChargedCard): Outgoing {
  const { saga_id, payment_id, provider_txn_id, amount_cents, currency } = payment;
  const until = "capture_before" in payment ? payment.capture_before : null;
  return {
    type: "PaymentAuthorized",
    saga_id,
    payment_id,
    transaction_id: provider_txn_id,
    amount_cents,
    currency,
    ...(until === null ? {} : { capture_before: timestampOf(until) }),
    ...(card === undefined ? {} : { card }),
  };
}

/** `card` goes on to the order and is not kept here: a repeated reply is without it. */
export function paymentSucceeded(payment: SucceededPayment, card?: ChargedCard): Outgoing {
  const { saga_id, payment_id, provider_txn_id, amount_cents, currency } = payment;
  const transaction_id = provider_txn_id;
  const reply = { saga_id, payment_id, transaction_id, amount_cents, currency };
  return { type: "PaymentSucceeded", ...reply, ...(card === undefined ? {} : { card }) };
}

export function actionRequired(
  { saga_id, payment_id }: OpenPayment,
  { expires_at }: ShopperAction,
): Outgoing {
  const until = timestampOf(expires_at);
  return { type: "PaymentActionRequired", saga_id, payment_id, kind: "redirect", expires_at: until };
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
