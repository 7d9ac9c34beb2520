// A charge that waits for its shopper, who must confirm it at the bank (3-D Secure). It is asked about by its id: soon, then rarely,
// because a webhook event or the return page usually comes first. Pure. Called by attempts.ts.
import {
  type Decision,
  actionRequired,
  type OpenPayment,
  type ShopperAction,
  withoutMessages,
} from "../payment.ts";

/** The part of PaymentPolicy (attempts.ts) that counts here. */
interface ActionPolicy {
  readonly actionMs: number;
  readonly actionPollMs: readonly number[];
  readonly backoffMs: readonly number[];
}

/** Somebody waits for the shopper. If not, the charge is cancelled. */
export function isAwaited({ undo_requested, shopper_present }: OpenPayment): boolean {
  return shopper_present && !undo_requested;
}

/** Records that the charge waits, and tells the saga; or has the charge cancelled at once, when nobody waits with it. */
export function awaitShopper(
  payment: OpenPayment,
  attempt: number,
  { provider_txn_id, redirects }: { readonly provider_txn_id: string; readonly redirects: boolean },
  now: number,
  policy: ActionPolicy,
): Decision {
  if (payment.action !== null) {
    // Still waiting. If a newer request is in flight, its lease must not be shortened.
    if (attempt !== payment.attempts) return withoutMessages(payment);
    return due(payment, now + pauseBeforeLookUp(payment, payment.action, now, policy));
  }
  const action: ShopperAction = { provider_txn_id, expires_at: now + policy.actionMs };
  // What the bank wants cannot be done by a redirect: for this charge there is no shopper.
  const waiting: OpenPayment = { ...payment, action, shopper_present: payment.shopper_present && redirects };
  if (!isAwaited(waiting)) return due(waiting, now);
  const { payment: open } = due(waiting, now + pauseBeforeLookUp(waiting, action, now, policy));
  return { payment: open, out: [actionRequired(waiting, action)] };
}

/**
 * Whether the shopper may have been at the bank's page although the wait is not saved: the database was restored from a backup, and
 * `payments rebuild` made this payment. A charge whose first request has no result yet has been shown to nobody.
 */
export function mayBeWithShopper({ status, shopper_present, action }: OpenPayment): boolean {
  return status === "UNKNOWN" && shopper_present && action === null;
}

/** Has a refused charge cancelled at once, because its shopper could try again. Only the cancel ends the payment. */
export function cancelRefused(payment: OpenPayment, provider_txn_id: string, now: number): Decision {
  return due({ ...payment, action: { provider_txn_id, expires_at: now }, shopper_present: false }, now);
}

/** Something has happened to the charge, but it does not say what will become of it. */
export function lookUpNow(payment: OpenPayment, now: number): Decision {
  return due(payment, Math.min(payment.next_attempt_at, now));
}

/** The time until the next look-up, in milliseconds. It depends on the age of the wait alone, so that nothing has to be counted. */
export function pauseBeforeLookUp(
  payment: OpenPayment,
  { expires_at }: ShopperAction,
  now: number,
  { actionMs, actionPollMs, backoffMs }: ActionPolicy,
): number {
  // A cancel that had no answer: stock waits for it.
  if (!isAwaited(payment)) return backoffMs[1] ?? backoffMs[0] ?? 0;
  const ageMs = now - (expires_at - actionMs);
  let untilMs = 0;
  for (const pauseMs of actionPollMs) {
    untilMs += pauseMs;
    if (ageMs < untilMs) return pauseMs;
  }
  return actionPollMs.at(-1) ?? 0;
}

function due(payment: OpenPayment, next_attempt_at: number): Decision {
  return withoutMessages({ ...payment, status: "UNKNOWN", next_attempt_at });
}
