// Sends the request of one attempt to the provider and makes the outcome from its one or two results. Called by executor.ts;
// attempts.ts decides what the outcome means for the payment.
import { AppError, assertNever } from "../../../kernel/errors.ts";
import type { Attempt, Outcome } from "./attempt.ts";
import type { ChargeOutcome, ChargeCall, RefundOutcome, RefundCall } from "./attempts.ts";
import type { CaptureCall, CaptureOutcome, VoidOutcome } from "./holds.ts";
import {
  type CapturePendingPayment,
  chargeKey,
  type OpenPayment,
  type RefundPendingPayment,
  type ShopperAction,
  type VoidPendingPayment,
} from "../payment.ts";
import type { ChargeResult, FindRequest, FoundCharge, PaymentProvider } from "../providers/provider.ts";

/**
 * The pause for a token sealed to a key that is not here. During a key exchange another process may have the key, or this one after
 * its next start. So the payment waits; the shopper's card is not to blame. If no process has the key in time, the payment is given up
 * as if the provider were unavailable.
 */
const KEY_PAUSE_MS = 1_000;
/**
 * A random addition to the pause. Processes look for due payments at fixed intervals; without it the process without the key could
 * find the payment first every time.
 */
const KEY_PAUSE_JITTER_MS = 1_000;

/** Opens a sealed payment token; throws SEAL_INVALID, or SEAL_KEY_UNKNOWN if another process may be able to open it. */
export type OpenToken = (sealed: string) => Promise<string>;

/**
 * Sends the request of `attempt`. All of its calls are over at `until`, by `performance.now()`: the lease ends then, and another process
 * would ask at the same time.
 */
export async function requestOf(
  provider: PaymentProvider,
  open: OpenToken,
  attempt: Attempt,
  until: number,
): Promise<Outcome> {
  const { kind, payment, request } = attempt;
  switch (kind) {
    case "charge":
      return { kind, outcome: await requestCharge(provider, open, payment, request, until) };
    case "capture":
      return { kind, outcome: await requestCapture(provider, payment, request, until) };
    case "void":
      return { kind, outcome: await requestVoid(provider, payment, until) };
    case "refund":
      return { kind, outcome: await requestRefund(provider, payment, request, until) };
    default:
      return assertNever(kind);
  }
}

/** Until when a call may take that another one may follow: it has half of the time that is left. */
function beforeAnother(until: number): number {
  const now = performance.now();
  return now + (until - now) / 2;
}

async function requestCharge(
  provider: PaymentProvider,
  open: OpenToken,
  payment: OpenPayment,
  { ask }: ChargeCall,
  until: number,
): Promise<ChargeOutcome> {
  if (payment.action !== null && (ask === "look_up" || ask === "cancel"))
    return settleWaiting(provider, payment, payment.action, ask, until);
  if (ask === "search") return foundOutcome(await provider.findCharge(findRequest(payment), until), false);
  const result = await charge(provider, open, payment, ask === "charge" ? until : beforeAnother(until));
  // A provider that deferred the charge would not search now either.
  const isDeferred = result.kind === "deferred" && result.reason !== "no_key";
  const isDefinite =
    result.kind === "succeeded" ||
    result.kind === "authorized" ||
    result.kind === "declined" ||
    result.kind === "action_required";
  if (isDefinite || isDeferred || ask === "charge") return result;
  // The order matters: the stored result was replayed first, so a charge that it hides is in the ledger that is searched next.
  const executionOver = result.kind === "unknown" && result.replayed;
  return foundOutcome(await provider.findCharge(findRequest(payment), until), executionOver);
}

/**
 * A charge that waits for its shopper. One that the bank refused is cancelled: the shopper could try again with another card. One that the
 * provider does not find by its id is searched.
 */
async function settleWaiting(
  provider: PaymentProvider,
  payment: OpenPayment,
  { provider_txn_id }: ShopperAction,
  ask: "look_up" | "cancel",
  until: number,
): Promise<ChargeOutcome> {
  let found = ask === "look_up" ? await provider.lookUpCharge(provider_txn_id, beforeAnother(until)) : null;
  if (found === null || (found.kind === "declined" && found.closed !== true))
    found = await provider.cancelCharge(provider_txn_id, beforeAnother(until));
  return foundOutcome(
    found.kind === "not_found" ? await provider.findCharge(findRequest(payment), until) : found,
    false,
  );
}

async function requestCapture(
  provider: PaymentProvider,
  { saga_id, provider_txn_id }: CapturePendingPayment,
  { idempotency_key, look_up_first }: CaptureCall,
  until: number,
): Promise<CaptureOutcome> {
  if (look_up_first) {
    const found = await provider.lookUpCharge(provider_txn_id, beforeAnother(until));
    // It was refused and is still held: the hold is released.
    if (found.kind === "declined" && found.closed !== true) {
      const { kind, error_code, error_message } = found;
      return { kind, error_code, error_message };
    }
    if (found.kind !== "authorized") {
      const ended = endedOutcome(found);
      return ended === "nothing held" ? HOLD_ENDED : ended;
    }
  }
  return provider.capture({ idempotency_key, saga_id, provider_txn_id }, until);
}

const HOLD_ENDED: CaptureOutcome = {
  kind: "declined",
  error_code: "AUTHORIZATION_ENDED",
  error_message: "the bank holds the money no longer",
  closed: true,
};

async function requestVoid(
  provider: PaymentProvider,
  { provider_txn_id }: VoidPendingPayment,
  until: number,
): Promise<VoidOutcome> {
  const ended = endedOutcome(await provider.cancelCharge(provider_txn_id, until));
  return ended === "nothing held" ? { kind: "voided" } : ended;
}

/** What is known of a hold that was looked up or released. */
function endedOutcome(
  found: FoundCharge,
): "nothing held" | Exclude<VoidOutcome, { readonly kind: "voided" }> {
  switch (found.kind) {
    case "succeeded":
    case "deferred":
    case "request_refused":
      return found;
    case "declined":
      return found.closed === true ? "nothing held" : { kind: "unknown" };
    // Still held; or "not found", which is a mistake of the provider's and proves nothing.
    case "authorized":
    case "action_required":
    case "not_found":
    case "unknown":
      return { kind: "unknown" };
    default:
      return assertNever(found);
  }
}

export async function requestRefund(
  provider: Pick<PaymentProvider, "findRefund" | "refund">,
  payment: RefundPendingPayment,
  { idempotency_key, search_first, search_only }: RefundCall,
  until: number,
): Promise<RefundOutcome> {
  const { saga_id, provider_txn_id } = payment;
  if (search_first) {
    const found = await provider.findRefund(provider_txn_id, search_only ? until : beforeAnother(until));
    if (found.kind !== "not_found") return found;
  }
  if (search_only) return { kind: "not_yet", error_code: "REFUND_NOT_LISTED" };
  return provider.refund({ idempotency_key, saga_id, provider_txn_id }, until);
}

async function charge(
  provider: PaymentProvider,
  open: OpenToken,
  payment: OpenPayment,
  until: number,
): Promise<ChargeResult> {
  let payment_method: string;
  try {
    payment_method = await open(payment.payment_method);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === "SEAL_KEY_UNKNOWN")
      return {
        kind: "deferred",
        reason: "no_key",
        retry_after_ms: KEY_PAUSE_MS + Math.floor(Math.random() * KEY_PAUSE_JITTER_MS),
      };
    if (error.code !== "SEAL_INVALID") throw error;
    // Not "declined": an earlier attempt may have been made by a process with the right key.
    return { kind: "no_effect", error_code: "PAYMENT_METHOD_INVALID", error_message: error.message };
  }
  return provider.charge({ ...chargeOf(payment), payment_method }, until);
}

/** If the time of the last charge request is not known, it may have been sent until just now, when the lease began. */
export function findRequest(payment: OpenPayment): FindRequest {
  const { first_attempt_at, charge_asked_at, next_attempt_at, created_at } = payment;
  const firstMs = first_attempt_at ?? created_at;
  const asked = { firstMs, lastMs: Math.max(charge_asked_at ?? next_attempt_at, firstMs) };
  return { ...chargeOf(payment), asked };
}

/** The charge of a payment as the provider gets it, without the token. */
function chargeOf({ saga_id, amount_cents, currency, shopper_present, capture }: OpenPayment) {
  return { idempotency_key: chargeKey(saga_id), saga_id, amount_cents, currency, shopper_present, capture };
}

function foundOutcome(found: FoundCharge, executionOver: boolean): ChargeOutcome {
  if (found.kind === "not_found") return { kind: "not_found", execution_over: executionOver };
  // The search was deferred or refused. The charge may have had an effect.
  return found.kind === "deferred" || found.kind === "request_refused" ? { kind: "unknown" } : found;
}
