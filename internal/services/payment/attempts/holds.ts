// Takes or releases money that is held at the bank: `claim` before the request, `settle` after it, as attempts.ts does for charges and
// refunds. Pure. Called by executor.ts and by the model explorer.
//
// A capture ends by a definite result alone: the money was taken, or it cannot be. An undo does not wait for a capture in flight: the hold
// is released, and the answer to that says which of the two was first. A hold is worked on until the provider says that it is over.
import type { FailureCode } from "../../../../schemas/failures.ts";
import type { ChargedCard } from "../../../../schemas/fields.ts";
import { isDue } from "../../../kernel/backoff.ts";
import { assertNever } from "../../../kernel/errors.ts";
import type { PaymentPolicy } from "./attempts.ts";
import { pauseAfter, pauseFor } from "./pauses.ts";
import {
  type CapturePendingPayment,
  captureKey,
  type Decision,
  type FailedPayment,
  factsOf,
  type HeldPayment,
  type Payment,
  paymentCancelled,
  paymentFailed,
  paymentSucceeded,
  startRefund,
  startVoid,
  taken,
  type VoidPendingPayment,
  withoutMessages,
} from "../payment.ts";

/** The next request to take the money that is held. */
export interface CaptureCall {
  readonly idempotency_key: string;
  /** Look up the charge before, and capture only what is still held. */
  readonly look_up_first: boolean;
  readonly attempt: number;
}

/** The next request to release the hold. */
export interface VoidCall {
  readonly attempt: number;
}

export interface CaptureClaim {
  readonly payment: CapturePendingPayment;
  readonly request: CaptureCall;
}

export interface VoidClaim {
  readonly payment: VoidPendingPayment;
  readonly request: VoidCall;
}

/**
 * Claims the request of a capture that is due, else null. As for a refund, a key is used for a few attempts and then changed, because a
 * server error stored under it would be replayed forever. That is safe: the provider takes the whole hold once.
 */
export function claimCapture(payment: Payment, now: number, policy: PaymentPolicy): CaptureClaim | null {
  if (payment.status !== "CAPTURE_PENDING" || !isDue(payment.next_attempt_at, now)) return null;
  const attempt = payment.hold_attempts + 1;
  const generation = Math.floor((attempt - 1) / policy.attemptsBeforeSearch);
  const key = captureKey(payment.saga_id);
  return {
    payment: { ...payment, hold_attempts: attempt, next_attempt_at: now + policy.leaseMs },
    request: {
      idempotency_key: generation === 0 ? key : `${key}:${generation}`,
      look_up_first: generation > 0,
      attempt,
    },
  };
}

/** Claims the request of a void that is due, else null. */
export function claimVoid(payment: Payment, now: number, policy: PaymentPolicy): VoidClaim | null {
  if (payment.status !== "VOID_PENDING" || !isDue(payment.next_attempt_at, now)) return null;
  const attempt = payment.hold_attempts + 1;
  return {
    payment: { ...payment, hold_attempts: attempt, next_attempt_at: now + policy.leaseMs },
    request: { attempt },
  };
}

interface Captured {
  readonly kind: "succeeded";
  readonly provider_txn_id: string;
  readonly card?: ChargedCard;
}
/** No effect on the money, or not known: retried. */
type NotYet =
  | { readonly kind: "deferred"; readonly retry_after_ms: number | null }
  | { readonly kind: "request_refused"; readonly param: string | null; readonly code: string }
  | { readonly kind: "unknown" };

/** The outcome of a capture request. */
export type CaptureOutcome =
  | Captured
  /** Definite: the money was not taken and will not be. `closed`: nothing is held any more. Otherwise the hold may still be there. */
  | {
      readonly kind: "declined";
      readonly error_code: FailureCode;
      readonly error_message: string;
      readonly closed?: true;
    }
  | NotYet;

/** The outcome of a void request. `voided`: nothing is held any more, and nothing was taken. */
export type VoidOutcome = { readonly kind: "voided" } | Captured | NotYet;

/** Settles the result of capture request `attempt`. `now` in epoch ms. */
export function settleCapture(
  payment: Payment,
  attempt: number,
  outcome: CaptureOutcome,
  now: number,
  policy: PaymentPolicy,
): Decision {
  // After an undo the answer to the void decides, but an earlier capture may already know what that will say.
  if (payment.status === "VOID_PENDING") {
    if (outcome.kind === "succeeded") return captured(payment, outcome, now);
    return outcome.kind === "declined" && outcome.closed === true
      ? released(payment)
      : withoutMessages(payment);
  }
  if (payment.status !== "CAPTURE_PENDING") return withoutMessages(payment);
  switch (outcome.kind) {
    case "succeeded":
      return captured(payment, outcome, now);
    case "declined": {
      const { error_code, error_message } = outcome;
      return outcome.closed === true
        ? fail(payment, { error_code, error_message })
        : withoutMessages(startVoid(payment, now, { error_code, error_message }));
    }
    case "deferred":
    case "request_refused":
    case "unknown":
      return again(payment, attempt, outcome, now, policy);
    default:
      return assertNever(outcome);
  }
}

/** Settles the result of void request `attempt`. `now` in epoch ms. */
export function settleVoid(
  payment: Payment,
  attempt: number,
  outcome: VoidOutcome,
  now: number,
  policy: PaymentPolicy,
): Decision {
  if (payment.status !== "VOID_PENDING") return withoutMessages(payment);
  switch (outcome.kind) {
    case "voided":
      return released(payment);
    case "succeeded":
      return captured(payment, outcome, now);
    case "deferred":
    case "request_refused":
    case "unknown":
      return again(payment, attempt, outcome, now, policy);
    default:
      return assertNever(outcome);
  }
}

/**
 * The provider reports by itself that nothing is held any more: it expired, or somebody released it. Before the saga asks for the money,
 * it hears nothing; the reply to its capture says so.
 */
export function settleEndedHold(payment: HeldPayment, error_code: string, error_message: string): Decision {
  switch (payment.status) {
    case "AUTHORIZED":
      return withoutMessages(failed(payment, { error_code, error_message }));
    case "CAPTURE_PENDING":
      return fail(payment, { error_code, error_message });
    case "VOID_PENDING":
      return released(payment);
    default:
      return assertNever(payment);
  }
}

function captured(
  payment: CapturePendingPayment | VoidPendingPayment,
  { provider_txn_id, card }: Captured,
  now: number,
): Decision {
  const succeeded = taken(payment, provider_txn_id);
  if (payment.undo_requested) return withoutMessages(startRefund(succeeded, now));
  return { payment: succeeded, out: [paymentSucceeded(succeeded, card)] };
}

function released(payment: VoidPendingPayment): Decision {
  const { currency, undo_requested, failure, saga_id } = payment;
  if (!undo_requested && failure !== null) return fail(payment, failure);
  return {
    payment: { ...factsOf(payment), status: "CANCELLED", currency },
    out: [paymentCancelled(saga_id)],
  };
}

type Failure = Pick<FailedPayment, "error_code" | "error_message">;

function failed(payment: HeldPayment, { error_code, error_message }: Failure): FailedPayment {
  const { currency } = payment;
  return { ...factsOf(payment), status: "FAILED", currency, error_code, error_message };
}

function fail(payment: HeldPayment, failure: Failure): Decision {
  const ended = failed(payment, failure);
  return { payment: ended, out: [paymentFailed(ended)] };
}

/** No definite result. If a newer request is in flight, its lease must not be shortened. */
function again(
  payment: CapturePendingPayment | VoidPendingPayment,
  attempt: number,
  outcome: NotYet,
  now: number,
  policy: PaymentPolicy,
): Decision {
  if (attempt !== payment.hold_attempts) return withoutMessages(payment);
  const pauseMs = outcome.kind === "deferred" ? pauseFor(outcome, policy) : pauseAfter(attempt, policy);
  return withoutMessages({ ...payment, next_attempt_at: now + pauseMs });
}
