// One attempt at the provider, seen from the payment: `claim` before the call, `settle` after it, for charges and refunds. Pure.
// Called by executor.ts, which brings the two transactions and the call between them, and by the model explorer.
//
// A question is written down before it leaves, and once one has left, only a definite answer ends the payment: a timeout is
// UNKNOWN, never failed, and is asked again with the same key.
import { isDue } from "../../kernel/backoff.ts";
import { assert, assertNever } from "../../kernel/errors.ts";
import {
  type Decision,
  type FailedPayment,
  isOpen,
  type OpenPayment,
  type Payment,
  paymentCancelled,
  paymentFailed,
  paymentSucceeded,
  type RefundedPayment,
  type RefundPendingPayment,
  refundCompleted,
  refundKey,
  silently,
  startRefund,
  type SucceededPayment,
  withoutAttempt,
} from "./payment.ts";

export interface PaymentPolicy {
  /** How long a question belongs to whom claimed it, in milliseconds; longer than a provider call may take. */
  readonly leaseMs: number;
  /** Pauses after attempts without a definite answer; the last one repeats. */
  readonly backoffMs: readonly number[];
  /** So many attempts with one key; later ones look at the provider's books as well. */
  readonly attemptsBeforeSearch: number;
  /** From this age of the first attempt on nothing is charged any more, because the provider will forget the key. */
  readonly keyTrustedMs: number;
  /** A charge first asked for this long ago has ended and is in the provider's books; before that, "not found" proves nothing. */
  readonly searchLagMs: number;
}

export const DEFAULT_POLICY: PaymentPolicy = {
  leaseMs: 12_000,
  backoffMs: [1_000, 5_000, 25_000, 60_000],
  attemptsBeforeSearch: 3,
  keyTrustedMs: 23 * 60 * 60 * 1_000,
  searchLagMs: 10 * 60 * 1_000,
};

/** What to ask the provider about a charge. `attempt` numbers the question, so that a late answer is known as such. */
export interface ChargeQuestion {
  /**
   * `charge`: charge with the saga's key. `charge_then_search`: the same, and where that is not definite look the saga up, too,
   * because a provider that stored a server error under the key replays it for ever while the money may have moved.
   * `search`: only look it up; the key may be forgotten, and charging could take the money a second time.
   */
  readonly ask: "charge" | "charge_then_search" | "search";
  readonly attempt: number;
}

/** Takes the question of an open payment that is due, null where there is none. The claim must be durable before it is asked. */
export function claimCharge(
  payment: Payment,
  now: number,
  policy: PaymentPolicy,
): { readonly payment: OpenPayment; readonly question: ChargeQuestion } | null {
  if (!isOpen(payment) || !isDue(payment.next_attempt_at, now)) return null;
  const attempt = payment.attempts + 1;
  const first_attempt_at = payment.first_attempt_at ?? now;
  const question: ChargeQuestion = { ask: whatToAsk(attempt, now - first_attempt_at, policy), attempt };
  const next_attempt_at = now + policy.leaseMs;
  return { payment: { ...payment, attempts: attempt, first_attempt_at, next_attempt_at }, question };
}

/** What the provider, or the lack of it, says to a charge question. */
export type ChargeOutcome =
  | { readonly kind: "succeeded"; readonly provider_txn_id: string }
  /** Definite for the key: no money moved and none will. */
  | { readonly kind: "declined"; readonly error_code: string; readonly error_message: string }
  /** This attempt had no effect (breaker open, token unreadable, credentials refused). Says nothing of earlier ones. */
  | { readonly kind: "no_effect"; readonly error_code: string; readonly error_message: string }
  /**
   * The saga is not in the provider's books. `execution_over`: the provider replayed a stored answer under the key, so no
   * attempt is still on its way to money.
   */
  | { readonly kind: "not_found"; readonly execution_over: boolean }
  /** Timeout, connection cut, server error, key in use: it may or may not have happened. */
  | { readonly kind: "unknown" };

/**
 * Settles the answer to question `attempt`. A payment that is settled already stays as it is: two executors may have asked
 * with the same key. `now` in epoch ms.
 */
export function settleCharge(
  payment: Payment,
  attempt: number,
  outcome: ChargeOutcome,
  now: number,
  policy: PaymentPolicy,
): Decision {
  if (!isOpen(payment)) return silently(payment);
  switch (outcome.kind) {
    case "succeeded":
      return succeed(payment, outcome.provider_txn_id, now);
    case "declined":
      return fail(payment, outcome.error_code, outcome.error_message);
    case "no_effect":
      // Only where no other question has left can one without effect speak for all.
      return payment.attempts === 1
        ? fail(payment, outcome.error_code, outcome.error_message)
        : askAgainSoon(payment, attempt, now, policy);
    case "not_found":
      return attempt === payment.attempts && isAbsenceProof(payment, outcome.execution_over, policy)
        ? fail(payment, "NOT_CHARGED", "the provider has no such charge")
        : wait(payment, attempt, now, policy);
    case "unknown":
      return wait(payment, attempt, now, policy);
    default:
      return assertNever(outcome);
  }
}

/** What to ask the provider about a refund. */
export interface RefundQuestion {
  readonly idempotency_key: string;
  /** Look for a refund of the charge before asking for one. */
  readonly search_first: boolean;
  readonly attempt: number;
}

/**
 * Takes the question of a refund that is due. A key is used for a few attempts and then changed, because a server error stored
 * under it would be replayed for ever. That is safe here and not in a charge: refunds are of the whole amount, and the provider
 * refuses to give back more than it took.
 */
export function claimRefund(
  payment: Payment,
  now: number,
  policy: PaymentPolicy,
): { readonly payment: RefundPendingPayment; readonly question: RefundQuestion } | null {
  if (payment.status !== "REFUND_PENDING" || !isDue(payment.refund.next_attempt_at, now)) return null;
  const attempt = payment.refund.attempts + 1;
  const generation = Math.floor((attempt - 1) / policy.attemptsBeforeSearch);
  const key = refundKey(payment.saga_id);
  return {
    payment: {
      ...payment,
      refund: { ...payment.refund, attempts: attempt, next_attempt_at: now + policy.leaseMs },
    },
    question: {
      idempotency_key: generation === 0 ? key : `${key}:${generation}`,
      search_first: generation > 0,
      attempt,
    },
  };
}

/** Nothing but success ends a refund: whatever went wrong, the shopper's money must go back. */
export type RefundOutcome =
  | { readonly kind: "succeeded"; readonly provider_refund_id: string }
  | { readonly kind: "not_yet"; readonly error_code: string };

/** Settles the answer to refund question `attempt`. `now` in epoch ms. */
export function settleRefund(
  payment: Payment,
  attempt: number,
  outcome: RefundOutcome,
  now: number,
  policy: PaymentPolicy,
): Decision {
  if (payment.status !== "REFUND_PENDING") return silently(payment);
  const { refund } = payment;
  if (outcome.kind === "not_yet") {
    if (attempt !== refund.attempts) return silently(payment);
    const next_attempt_at = now + pauseAfter(attempt, policy);
    return silently({ ...payment, refund: { ...refund, next_attempt_at, error_code: outcome.error_code } });
  }
  const { refund_id, attempts, created_at } = refund;
  const { provider_refund_id } = outcome;
  const refunded: RefundedPayment = {
    ...payment,
    status: "REFUNDED",
    refund: { refund_id, attempts, created_at, provider_refund_id },
  };
  return { payment: refunded, out: [refundCompleted(refunded)] };
}

function whatToAsk(attempt: number, ageMs: number, policy: PaymentPolicy): ChargeQuestion["ask"] {
  if (ageMs >= policy.keyTrustedMs) return "search";
  return attempt > policy.attemptsBeforeSearch ? "charge_then_search" : "charge";
}

/**
 * "Not found" proves that nothing was charged once no attempt can still be under way and the provider's search has had the
 * time to learn of the last one. Replayed answers show the first; otherwise only that nobody charges past `keyTrustedMs`.
 * What counts is the time of the question, not of its answer, which may be long on its way.
 */
function isAbsenceProof(payment: OpenPayment, executionOver: boolean, policy: PaymentPolicy): boolean {
  if (payment.first_attempt_at === null) return false;
  const askedAt = payment.next_attempt_at - policy.leaseMs;
  const provenAfterMs = (executionOver ? 0 : policy.keyTrustedMs) + policy.searchLagMs;
  return askedAt - payment.first_attempt_at >= provenAfterMs;
}

function succeed(payment: OpenPayment, provider_txn_id: string, now: number): Decision {
  const succeeded: SucceededPayment = { ...withoutAttempt(payment), status: "SUCCEEDED", provider_txn_id };
  // The saga has turned round already: it is told when the money is back, not that it was taken.
  if (payment.undo_requested) return silently(startRefund(succeeded, now));
  return { payment: succeeded, out: [paymentSucceeded(succeeded)] };
}

function fail(payment: OpenPayment, error_code: string, error_message: string): Decision {
  const failed: FailedPayment = { ...withoutAttempt(payment), status: "FAILED", error_code, error_message };
  const answer = payment.undo_requested ? paymentCancelled(payment.saga_id) : paymentFailed(failed);
  return { payment: failed, out: [answer] };
}

/** The attempt told nothing. Where a newer one is under way already, its lease must not be cut short. */
function wait(payment: OpenPayment, attempt: number, now: number, policy: PaymentPolicy): Decision {
  if (attempt !== payment.attempts) return silently(payment);
  return silently({ ...payment, status: "UNKNOWN", next_attempt_at: now + pauseAfter(attempt, policy) });
}

/** The question never left, so the provider is no reason to wait longer each time: whoever held it back knows when it may go. */
function askAgainSoon(payment: OpenPayment, attempt: number, now: number, policy: PaymentPolicy): Decision {
  return wait(payment, attempt, now, { ...policy, backoffMs: policy.backoffMs.slice(0, 2) });
}

function pauseAfter(attempt: number, { backoffMs }: PaymentPolicy): number {
  const pause = backoffMs[Math.min(attempt, backoffMs.length) - 1];
  assert(pause !== undefined, "a backoff has at least one pause");
  return pause;
}
