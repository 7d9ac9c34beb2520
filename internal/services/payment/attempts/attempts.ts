// One attempt at the provider, seen from the payment: `claim` before the request, `settle` after it, for charges and refunds; holds.ts
// has captures and voids. Pure. Called by executor.ts, which adds the two transactions and the request between them, and by the model
// explorer.
//
// A request is saved before it is sent. Once one was sent, only a definite result ends the payment: a timeout is UNKNOWN, never
// failed, and is retried with the same key.
import type { FailureCode } from "../../../../schemas/failures.ts";
import type { ChargedCard } from "../../../../schemas/fields.ts";
import { isDue, LONGEST_PAUSE_MS } from "../../../kernel/backoff.ts";
import { assertNever } from "../../../kernel/errors.ts";
import { pauseAfter, pauseFor } from "./pauses.ts";
import type { RefundPolicy } from "./refund-attempts.ts";
import {
  awaitShopper,
  cancelRefused,
  isAwaited,
  lookUpNow,
  mayBeWithShopper,
  pauseBeforeLookUp,
} from "./shopper-action.ts";
import {
  type AuthorizedPayment,
  cancelUnsent,
  type Decision,
  type FailedPayment,
  isOpen,
  mayBeAtProvider,
  type OpenPayment,
  type Payment,
  paymentAuthorized,
  paymentCancelled,
  paymentFailed,
  paymentSucceeded,
  withoutMessages,
  startRefund,
  startVoid,
  type SucceededPayment,
  withoutAttempt,
} from "../payment.ts";

export { claimRefund, type RefundCall, type RefundOutcome, settleRefund } from "./refund-attempts.ts";

export interface PaymentPolicy extends RefundPolicy {
  /** How long a request belongs to the process that claimed it, in milliseconds. The executor gives its calls less. */
  readonly leaseMs: number;
  /** Pauses after attempts without a definite result; the last one repeats. */
  readonly backoffMs: readonly number[];
  /** Number of attempts with one key; later ones also search the provider ledger. */
  readonly attemptsBeforeSearch: number;
  /** From this age of the first attempt on, nothing is charged any more, because the provider will forget the key. */
  readonly keyTrustedMs: number;
  /** A charge first requested this long ago has ended and is in the provider ledger; before that, "not found" proves nothing. */
  readonly searchLagMs: number;
  /** A charge may still happen this long after its request: the provider is slow, or the requesting process was suspended. */
  readonly executionMs: number;
  /** A charge that was not sent within this share of its saga's waiting time is given up. */
  readonly sentWithinShare: number;
  /**
   * The provider forgets a charge that nobody confirmed, so that its id is not found any more; otherwise "not found" by an id that the
   * provider gave is a mistake of its, and never a proof.
   */
  readonly forgetsWaiting: boolean;
  /** How long a shopper may confirm a charge at the bank, in milliseconds. */
  readonly actionMs: number;
  /** Pauses between the look-ups of a charge that waits for its shopper; the last one repeats. */
  readonly actionPollMs: readonly number[];
}

export const DEFAULT_POLICY: PaymentPolicy = {
  leaseMs: 12_000,
  backoffMs: [1_000, 5_000, 25_000, 60_000],
  attemptsBeforeSearch: 3,
  keyTrustedMs: 23 * 60 * 60 * 1_000,
  searchLagMs: 10 * 60 * 1_000,
  // Many times longer than the provider, its client and every proxy between them let a call take.
  executionMs: 10 * 60 * 1_000,
  sentWithinShare: 0.8,
  forgetsWaiting: false,
  actionMs: 10 * 60 * 1_000,
  // A webhook event or the return page usually comes first.
  actionPollMs: [5_000, 15_000, 60_000],
  refundPollMs: [5_000, 60_000, LONGEST_PAUSE_MS],
};

/** The next request about a charge. `attempt` numbers the request, so that a late result can be recognised. */
export interface ChargeCall {
  /**
   * `charge`: charge with the saga's key. `charge_then_search`: the same, and without a definite result search for the saga too,
   * because a provider that stored a server error under the key replays it forever although the money may have moved.
   * `search`: only search. Either the key may be forgotten, and charging could take the money twice. Or the saga wants the charge
   * undone, and charging could only take money that must be refunded.
   * `look_up`: ask about the charge by its id, because it waits for the shopper; if the bank refused it, cancel it. `cancel`: cancel
   * it in any case, because nobody waits for the shopper any more.
   */
  readonly ask: "charge" | "charge_then_search" | "search" | "look_up" | "cancel";
  readonly attempt: number;
}

/** A claimed request, and its payment. */
export interface ChargeClaim {
  readonly payment: OpenPayment;
  readonly request: ChargeCall;
}

/** Claims the request of an open payment that is due, else null. The claim must be durable before the request is sent. */
export function claimCharge(payment: Payment, now: number, policy: PaymentPolicy): ChargeClaim | null {
  if (!isOpen(payment) || !isDue(payment.next_attempt_at, now)) return null;
  const attempt = payment.attempts + 1;
  const first_attempt_at = payment.first_attempt_at ?? now;
  const ask = askOf(payment, attempt - payment.void_attempts, now - first_attempt_at, policy);
  const charge_asked_at = ask === "charge" || ask === "charge_then_search" ? now : payment.charge_asked_at;
  const next_attempt_at = now + policy.leaseMs;
  return {
    payment: { ...payment, attempts: attempt, first_attempt_at, charge_asked_at, next_attempt_at },
    request: { ask, attempt },
  };
}

function askOf(
  payment: OpenPayment,
  attempt: number,
  ageMs: number,
  policy: PaymentPolicy,
): ChargeCall["ask"] {
  // The key would replay the first answer forever, so only a look-up by id shows what has become of the charge.
  if (payment.action !== null) return isAwaited(payment) ? "look_up" : "cancel";
  return payment.undo_requested ? "search" : nextCall(attempt, ageMs, policy);
}

/** Whether the payment can be given up, and its saga would not wait for the result of a request sent now. */
export function comesTooLate(payment: Payment, now: number, policy: PaymentPolicy): payment is OpenPayment {
  if (!canBeGivenUp(payment) || payment.answer_by === null) return false;
  const { created_at, answer_by } = payment;
  return now >= created_at + (answer_by - created_at) * policy.sentWithinShare;
}

/** Whether the payment can end without the provider, which has no charge for it and no request in flight. */
export function canBeGivenUp(payment: Payment): payment is OpenPayment {
  return isOpen(payment) && !mayBeAtProvider(payment);
}

/** Fails a payment that waited, or would wait, too long for the provider. */
export function giveUp(payment: OpenPayment): Decision {
  return fail(payment, "PROVIDER_UNAVAILABLE", "the payment provider accepts no more payments at the moment");
}

/** The outcome of a charge request. */
export type ChargeOutcome =
  | { readonly kind: "succeeded"; readonly provider_txn_id: string; readonly card?: ChargedCard }
  /** The money is held, and not taken. */
  | {
      readonly kind: "authorized";
      readonly provider_txn_id: string;
      /** Epoch ms. */
      readonly capture_before?: number;
      readonly card?: ChargedCard;
    }
  /**
   * Definite for the key: no money moved, and none will. A charge that waited for its shopper, or may have, is only settled if it is
   * `closed`: the shopper holds the secret of it, and could try again with another card.
   */
  | {
      readonly kind: "declined";
      readonly error_code: FailureCode;
      readonly error_message: string;
      readonly closed?: true;
      /** A charge that is not closed, if the provider names it. */
      readonly provider_txn_id?: string;
    }
  /** The bank wants the shopper to confirm the charge. `redirects`: at a page of the bank, which is all that we can offer. */
  | { readonly kind: "action_required"; readonly provider_txn_id: string; readonly redirects: boolean }
  /** This attempt had no effect (breaker open, token unreadable, credentials refused). Earlier ones may have had one. */
  | { readonly kind: "no_effect"; readonly error_code: FailureCode; readonly error_message: string }
  /** The provider did nothing, because it rejects our request as wrong. For earlier attempts see `no_effect`. */
  | { readonly kind: "request_refused"; readonly param: string | null; readonly code: string }
  /** The provider did nothing for now, and said so. For earlier attempts see `no_effect`. */
  | { readonly kind: "deferred"; readonly retry_after_ms: number | null }
  /**
   * The saga is not in the provider ledger. `execution_over`: the provider replayed a stored result under the key, so no attempt can
   * still take money.
   */
  | { readonly kind: "not_found"; readonly execution_over: boolean }
  /** Timeout, lost connection, server error, key in use: it may or may not have happened. */
  | { readonly kind: "unknown" };

/**
 * Settles the result of request `attempt`. A payment that is already settled stays as it is: two executors may have sent requests with
 * the same key. `now` in epoch ms.
 */
export function settleCharge(
  payment: Payment,
  attempt: number,
  outcome: ChargeOutcome,
  now: number,
  policy: PaymentPolicy,
): Decision {
  if (!isOpen(payment)) return withoutMessages(payment);
  switch (outcome.kind) {
    case "succeeded":
      return succeed(payment, outcome, now);
    case "authorized":
      return authorize(payment, outcome, now);
    case "declined":
      if (outcome.closed === true) return fail(payment, outcome.error_code, outcome.error_message);
      if (payment.action !== null) return lookUpNow(payment, now);
      return outcome.provider_txn_id !== undefined && mayBeWithShopper(payment)
        ? cancelRefused(payment, outcome.provider_txn_id, now)
        : fail(payment, outcome.error_code, outcome.error_message);
    case "action_required":
      return awaitShopper(payment, attempt, outcome, now, policy);
    case "request_refused":
    case "no_effect":
      return withoutEffect(payment, attempt, (left) =>
        // A request without effect ends the payment only if no other request may have had an effect.
        mayBeAtProvider(left) ? retrySoon(left, attempt, now, policy) : failWithout(left, outcome),
      );
    case "deferred":
      return withoutEffect(payment, attempt, (left) => putOff(left, attempt, outcome, now, policy));
    case "not_found":
      return (payment.action === null || policy.forgetsWaiting) &&
        attempt === payment.attempts &&
        isAbsenceProof(payment, outcome.execution_over, policy)
        ? fail(payment, "NOT_CHARGED", "the provider has no such charge")
        : wait(payment, attempt, now, policy);
    case "unknown":
      return wait(payment, attempt, now, policy);
    default:
      return assertNever(outcome);
  }
}

function nextCall(attempt: number, ageMs: number, policy: PaymentPolicy): ChargeCall["ask"] {
  if (ageMs >= policy.keyTrustedMs) return "search";
  return attempt > policy.attemptsBeforeSearch ? "charge_then_search" : "charge";
}

/**
 * "Not found" proves that nothing was charged once no attempt can still be in progress and the provider ledger has had time to show
 * the last one. A replayed result proves the former. Otherwise no charge request may have been sent for long enough: an undo stops
 * them at once, the key's age stops them in the end. What counts is the time of the search request, not the time of its result, which
 * may be late.
 */
function isAbsenceProof(payment: OpenPayment, executionOver: boolean, policy: PaymentPolicy): boolean {
  const { first_attempt_at, charge_asked_at } = payment;
  if (first_attempt_at === null) return false;
  const sentAt = payment.next_attempt_at - policy.leaseMs;
  if (payment.undo_requested && !executionOver && charge_asked_at !== null)
    return sentAt - charge_asked_at >= policy.executionMs + policy.searchLagMs;
  const provenAfterMs = (executionOver ? 0 : policy.keyTrustedMs) + policy.searchLagMs;
  return sentAt - first_attempt_at >= provenAfterMs;
}

function succeed(
  payment: OpenPayment,
  { provider_txn_id, card }: Extract<ChargeOutcome, { readonly kind: "succeeded" }>,
  now: number,
): Decision {
  const succeeded: SucceededPayment = { ...withoutAttempt(payment), status: "SUCCEEDED", provider_txn_id };
  // The saga is already compensating: it hears when the money is refunded, not that it was taken.
  if (payment.undo_requested) return withoutMessages(startRefund(succeeded, now));
  // Taken by somebody else, or before the database was restored from a backup: the saga goes on to its capture, which succeeds.
  const reply = payment.capture === "manual" ? paymentAuthorized : paymentSucceeded;
  return { payment: succeeded, out: [reply(succeeded, card)] };
}

function authorize(
  payment: OpenPayment,
  { provider_txn_id, capture_before, card }: Extract<ChargeOutcome, { readonly kind: "authorized" }>,
  now: number,
): Decision {
  const authorized: AuthorizedPayment = {
    ...withoutAttempt(payment),
    status: "AUTHORIZED",
    provider_txn_id,
    capture_before: capture_before ?? null,
  };
  // The saga hears when the hold is released, not that it was made.
  if (payment.undo_requested) return withoutMessages(startVoid(authorized, now, null));
  return { payment: authorized, out: [paymentAuthorized(authorized, card)] };
}

function fail(payment: OpenPayment, error_code: FailureCode, error_message: string): Decision {
  const failed: FailedPayment = { ...withoutAttempt(payment), status: "FAILED", error_code, error_message };
  const reply = payment.undo_requested ? paymentCancelled(payment.saga_id) : paymentFailed(failed);
  return { payment: failed, out: [reply] };
}

/** The attempt has no definite result. If a newer one is already in flight, its lease must not be shortened. */
function wait(payment: OpenPayment, attempt: number, now: number, policy: PaymentPolicy): Decision {
  if (attempt !== payment.attempts) return withoutMessages(payment);
  const counted = attempt - Math.min(payment.void_attempts, attempt - 1);
  const pauseMs =
    payment.action === null
      ? pauseAfter(counted, policy)
      : pauseBeforeLookUp(payment, payment.action, now, policy);
  return withoutMessages({ ...payment, status: "UNKNOWN", next_attempt_at: now + pauseMs });
}

/** The provider has no charge for the payment, and the payment fails for the same reason. */
function failWithout(
  payment: OpenPayment,
  outcome: Extract<ChargeOutcome, { readonly kind: "no_effect" | "request_refused" }>,
): Decision {
  return outcome.kind === "request_refused"
    ? fail(payment, "PROVIDER_REJECTED", "the payment provider does not take our requests at the moment")
    : fail(payment, outcome.error_code, outcome.error_message);
}

/** Records that request `attempt` had no effect, then decides the rest. */
function withoutEffect(
  payment: OpenPayment,
  attempt: number,
  decideRest: (payment: OpenPayment) => Decision,
): Decision {
  // Counted in order, so that a result that is settled twice counts once.
  if (attempt !== payment.void_attempts + 1) return decideRest(payment);
  const noted = { ...payment, void_attempts: attempt };
  return decideRest(mayBeAtProvider(noted) ? noted : { ...noted, first_attempt_at: null });
}

/** The provider deferred this request. If it has no charge for the payment either, an undo gets its reply. */
function putOff(
  payment: OpenPayment,
  attempt: number,
  outcome: { readonly retry_after_ms: number | null },
  now: number,
  policy: PaymentPolicy,
): Decision {
  if (attempt < payment.attempts) return withoutMessages(payment);
  const isAtProvider = mayBeAtProvider(payment);
  if (!isAtProvider && payment.undo_requested) return cancelUnsent(payment);
  const status = isAtProvider ? "UNKNOWN" : "PENDING";
  return withoutMessages({ ...payment, status, next_attempt_at: now + pauseFor(outcome, policy) });
}

/** The provider is no reason for growing pauses, because the request had no effect. What held it back decides when it is sent. */
function retrySoon(payment: OpenPayment, attempt: number, now: number, policy: PaymentPolicy): Decision {
  return wait(payment, attempt, now, { ...policy, backoffMs: policy.backoffMs.slice(0, 2) });
}
