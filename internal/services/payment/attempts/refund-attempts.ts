// One request about a refund, seen from the payment: `claimRefund` before it, `settleRefund` after it. Pure. Called as attempts.ts.
//
// A refund that the provider has taken on is not done: it may be pending for days, and it may fail, even after the provider said that it
// succeeded. Only success is reported to the saga. After a failure the provider gives the money back to us, and a person must find
// another way to the shopper: no further refund is requested here, so that nobody is paid twice. It is looked for one that a person has made.
import { isDue } from "../../../kernel/backoff.ts";
import { assert } from "../../../kernel/errors.ts";
import { refundFailure } from "../differences.ts";
import {
  type Decision,
  type Payment,
  type PendingRefund,
  type RefundedPayment,
  type RefundPendingPayment,
  refundCompleted,
  refundKey,
  withoutMessages,
} from "../payment.ts";
import { pauseAfter, pauseFor } from "./pauses.ts";

/** The part of PaymentPolicy (attempts.ts) that counts here. */
export interface RefundPolicy {
  readonly leaseMs: number;
  readonly backoffMs: readonly number[];
  readonly attemptsBeforeSearch: number;
  /** Pauses between the look-ups of a refund that is pending at the provider, or that failed; the last one repeats. */
  readonly refundPollMs: readonly number[];
}

/** The next request about a refund. */
export interface RefundCall {
  readonly idempotency_key: string;
  /** Look for a refund of the charge before requesting one. */
  readonly search_first: boolean;
  /** Request none, whatever the search finds. */
  readonly search_only: boolean;
  readonly attempt: number;
}

/**
 * Claims the request of a refund that is due. A key is used for a few attempts and then changed, because a server error stored under
 * it would be replayed forever. That is safe for a refund but not for a charge: refunds are of the full amount, and the provider
 * refuses to refund more than it took.
 */
export function claimRefund(
  payment: Payment,
  now: number,
  policy: RefundPolicy,
): { readonly payment: RefundPendingPayment; readonly request: RefundCall } | null {
  if (payment.status !== "REFUND_PENDING" || !isDue(payment.refund.next_attempt_at, now)) return null;
  const { refund, saga_id } = payment;
  const attempt = refund.attempts + 1;
  const generation = Math.floor((attempt - 1) / policy.attemptsBeforeSearch);
  const hasFailed = refund.failed.length > 0;
  const key = generation === 0 ? refundKey(saga_id) : `${refundKey(saga_id)}:${generation}`;
  return {
    payment: {
      ...payment,
      refund: { ...refund, attempts: attempt, next_attempt_at: now + policy.leaseMs },
    },
    request: {
      idempotency_key: key,
      // The key would replay the first answer, however long ago it was true.
      search_first: generation > 0 || hasFailed || refund.provider_refund_id !== null,
      search_only: hasFailed,
      attempt,
    },
  };
}

/** Only success ends a refund: whatever went wrong, the shopper's money must go back. */
export type RefundOutcome =
  | { readonly kind: "succeeded"; readonly provider_refund_id: string }
  /** The provider has taken it on; it may still fail. */
  | { readonly kind: "pending"; readonly provider_refund_id: string; readonly error_code: string }
  /** Definite, even if this refund had succeeded before. */
  | { readonly kind: "failed"; readonly provider_refund_id: string; readonly error_code: string }
  | { readonly kind: "deferred"; readonly retry_after_ms: number | null }
  | { readonly kind: "request_refused"; readonly param: string | null; readonly code: string }
  | { readonly kind: "not_yet"; readonly error_code: string };

/** Settles the result of refund request `attempt`. `now` in epoch ms. */
export function settleRefund(
  payment: Payment,
  attempt: number,
  outcome: RefundOutcome,
  now: number,
  policy: RefundPolicy,
): Decision {
  if (outcome.kind === "failed" && payment.status === "REFUNDED")
    return failLate(payment, outcome, now, policy);
  if (payment.status !== "REFUND_PENDING") return withoutMessages(payment);
  const { refund } = payment;
  // A stored answer or an event from the time before the failure.
  const isStale = "provider_refund_id" in outcome && refund.failed.includes(outcome.provider_refund_id);
  if (outcome.kind === "succeeded" && !isStale) return complete(payment, outcome.provider_refund_id);
  if (outcome.kind === "failed" && !isStale) return fail(payment, outcome, now, policy);
  if (attempt !== refund.attempts) return withoutMessages(payment);
  const after = (pauseMs: number, changes: Partial<PendingRefund>) =>
    withoutMessages({ ...payment, refund: { ...refund, ...changes, next_attempt_at: now + pauseMs } });
  if (isStale || refund.failed.length > 0) return after(pollAfter(attempt, policy), {});
  switch (outcome.kind) {
    case "pending": {
      const { provider_refund_id, error_code } = outcome;
      return after(pollAfter(attempt, policy), { provider_refund_id, error_code });
    }
    case "deferred":
      return after(pauseFor(outcome, policy), { error_code: "DEFERRED" });
    case "request_refused":
      return after(pauseAfter(attempt, policy), { error_code: "REQUEST_REFUSED" });
    default:
      return after(pauseAfter(attempt, policy), {
        error_code: "error_code" in outcome ? outcome.error_code : "REFUND_UNKNOWN",
      });
  }
}

function complete(payment: RefundPendingPayment, provider_refund_id: string): Decision {
  const { refund_id, attempts, created_at, failed, reported } = payment.refund;
  const refunded: RefundedPayment = {
    ...payment,
    status: "REFUNDED",
    refund: { refund_id, attempts, created_at, failed, reported: true, provider_refund_id },
  };
  return { payment: refunded, out: reported ? [] : [refundCompleted(refunded)] };
}

type Failure = Extract<RefundOutcome, { readonly kind: "failed" }>;

function fail(payment: RefundPendingPayment, failure: Failure, now: number, policy: RefundPolicy): Decision {
  const { provider_refund_id, error_code } = failure;
  const { refund } = payment;
  const left: RefundPendingPayment = {
    ...payment,
    refund: {
      ...refund,
      failed: [...refund.failed, provider_refund_id],
      provider_refund_id: null,
      error_code,
      next_attempt_at: now + pollAfter(refund.attempts, policy),
    },
  };
  return { payment: left, out: [], alert: refundFailure(left, provider_refund_id) };
}

/** The saga has heard of the success, and is over. */
function failLate(payment: RefundedPayment, failure: Failure, now: number, policy: RefundPolicy): Decision {
  if (payment.refund.provider_refund_id !== failure.provider_refund_id) return withoutMessages(payment);
  const refund: PendingRefund = {
    ...payment.refund,
    provider_refund_id: null,
    error_code: null,
    next_attempt_at: now,
  };
  return fail({ ...payment, status: "REFUND_PENDING", refund }, failure, now, policy);
}

function pollAfter(attempt: number, { refundPollMs }: RefundPolicy): number {
  const pause = refundPollMs[Math.min(Math.max(attempt, 1), refundPollMs.length) - 1];
  assert(pause !== undefined, "the look-ups of refunds need at least one pause");
  return pause;
}
