// Says what each of Stripe's errors means for the money. Called by stripe.ts for every call that failed; the table is the heart of the
// adapter.
import { Stripe } from "stripe";
import type { FailureCode } from "../../../../../schemas/failures.ts";
import { declineReason, refundRefusal } from "./decline-reasons.ts";
import type {
  CaptureResult,
  ChargeResult,
  Deferred,
  RefundResult,
  RequestRefused,
  UnknownReason,
} from "../provider.ts";

/** If the provider asks for a longer pause, it is called again after this long, to see whether it still refuses. */
const MAX_RETRY_AFTER_MS = 60_000;

export interface CallFacts {
  /** The SDK has sent the request a second time, because the connection closed during the first. */
  readonly resent: boolean;
}

type StripeErrorRule = (error: Stripe.errors.StripeError, facts: CallFacts) => ChargeResult;

/** By the SDK's error class. Any other error is unknown: a wrong guess would lose money, a retry does not. */
const CHARGE_ERRORS: Readonly<Record<string, StripeErrorRule>> = {
  // 402: the bank said no, and the result is stored under the key.
  StripeCardError: (error) => cardDeclined(error),
  // 400, 404: refused before execution.
  StripeInvalidRequestError: (error) => invalidRequest(error),
  // 401, 403: not processed. Earlier attempts were made with credentials that worked.
  StripeAuthenticationError: (error) => requestRefused(error, "api_key_refused"),
  StripePermissionError: (error) => requestRefused(error, "api_key_may_not"),
  // 429: too many calls, or (lock_timeout) another call at the provider has the object locked.
  StripeRateLimitError: (error, facts) =>
    putOff(error.code === "lock_timeout" ? "locked" : "rate_limited", error, facts),
  // The key was used with other parameters: its charge must be looked up.
  StripeIdempotencyError: () => unknown("key_reused"),
  // The request may have got through. The SDK resends, so a refused connection looks like one that closed after sending.
  StripeConnectionError: (error) => unknown(isTimeout(error) ? "timeout" : "connection_lost"),
  StripeAPIError: (error, facts) => {
    if (error.statusCode === 409)
      // A lock stops the call before its execution. Any other conflict means that a request of ours with this key is being
      // executed now, and its result is not known.
      return error.code === "lock_timeout" ? putOff("locked", error, facts) : unknown("key_in_use");
    // 503 with a retry time: not taken. Other 5xx: anything may have happened; the result may be stored.
    return error.statusCode === 503 && retryAfterMs(error) !== null && !isReplayed(error)
      ? putOff("unavailable", error, facts)
      : unknown("server_error", isReplayed(error));
  },
};

export function chargeResultOf(error: unknown, facts: CallFacts): ChargeResult {
  if (!(error instanceof Stripe.errors.StripeError)) return unknown("unexpected");
  return CHARGE_ERRORS[error.type]?.(error, facts) ?? unknown("unexpected");
}

/** The fault of one order, not ours: the provider does not accept such amounts. */
const SUMS: ReadonlySet<string> = new Set(["amount_too_small", "amount_too_large"]);

/**
 * The payment method is the shopper's, the amount the cart's: a refusal of those is definite. The provider checks the key first, so if
 * it had taken an earlier attempt with this key, that result would have come. Everything else in the request was written here.
 */
function invalidRequest(error: Stripe.errors.StripeError): ChargeResult {
  const { code = "", param } = error;
  if (SUMS.has(code)) return declined(code);
  const isUnderstood = !code.startsWith("parameter_");
  if (isUnderstood && param === "payment_method") return declined("payment_method_invalid");
  if (code.startsWith("payment_method_")) return declined(code);
  return requestRefused(error, "request_malformed");
}

/** This call refunded nothing. The provider refuses a second refund, so a resent request is no risk. */
export function refundFailureOf(error: unknown): Exclude<RefundResult, { kind: "succeeded" }> {
  const result = chargeResultOf(error, { resent: false });
  if (result.kind === "deferred") return result;
  // A refund is refused for many reasons that lie in the charge. Only errors about the request itself are our fault.
  if (result.kind === "request_refused") {
    const isOurs = result.code.startsWith("parameter_") || result.code.startsWith("api_key_");
    return isOurs ? result : { kind: "not_yet", error_code: refundRefusal(result.code) };
  }
  const error_code =
    result.kind === "unknown"
      ? result.reason.toUpperCase()
      : "error_code" in result
        ? result.error_code
        : "UNEXPECTED";
  return { kind: "not_yet", error_code };
}

/** This call took nothing, or it is not known. The hold may still be there after a refusal of the bank. */
export function captureFailureOf(error: unknown, facts: CallFacts): CaptureResult {
  const result = chargeResultOf(error, facts);
  switch (result.kind) {
    case "declined": {
      const { error_code, error_message } = result;
      return { kind: "declined", error_code, error_message };
    }
    case "deferred":
    case "request_refused":
    case "unknown":
      return result;
    default:
      return unknown("unexpected");
  }
}

/** Nothing is held any more: it expired or was released. */
export function holdEnded(): CaptureResult {
  return {
    kind: "declined",
    error_code: "AUTHORIZATION_ENDED",
    error_message: "the bank holds the money no longer",
    closed: true,
  };
}

const HOLD_OVER: ReadonlySet<string> = new Set([
  "payment_intent_unexpected_state",
  "charge_already_captured",
  "charge_expired_for_capture",
  "capture_charge_authorization_expired",
]);

/** There is nothing to capture, because it was captured, released or expired: its charge says which. */
export function isHoldOver(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && HOLD_OVER.has(error.code ?? "");
}

function requestRefused({ code, param }: Stripe.errors.StripeError, otherwise: string): RequestRefused {
  return { kind: "request_refused", param: nameOrNull(param), code: nameOrNull(code) ?? otherwise };
}

/** Returns a name of the provider's API, which never contains a long number; anything else could be what a shopper typed. */
function nameOrNull(text: string | undefined): string | null {
  return text !== undefined && /^(?!.*\d{4})[a-z][a-z0-9_.[\]]{0,99}$/.test(text) ? text : null;
}

export function noEffect(error_message: string, error_code: FailureCode = "PROVIDER_REJECTED"): ChargeResult {
  return { kind: "no_effect", error_code, error_message };
}

export function declined(code: string) {
  return { kind: "declined", ...declineReason(code) } as const;
}

/**
 * Why the bank said no, from an error or an intent's last one. Of the bank's own reasons only missing funds are passed on: shoppers can act
 * on that, and a thief learns nothing about the card (https://docs.stripe.com/declines/codes).
 */
export function cardDeclined(error: { readonly code?: string; readonly decline_code?: string } | null) {
  const code = error?.code ?? "card_declined";
  const isShort = code === "card_declined" && error?.decline_code === "insufficient_funds";
  return declined(isShort ? "insufficient_funds" : code);
}

export function unknown(reason: UnknownReason, replayed = false) {
  return { kind: "unknown", reason, replayed } as const;
}

export function isAlreadyRefunded(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === "charge_already_refunded";
}

/** The key belongs to a request with other parameters. A request that is in progress is a conflict (409). */
export function isKeyReused(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeIdempotencyError && error.statusCode === 400;
}

/** The charge is in a state in which it cannot be cancelled. */
export function isUnexpectedState(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === "payment_intent_unexpected_state";
}

/** If the SDK sent two requests, only the second was not taken; the first may have been. */
function putOff(
  reason: Deferred["reason"],
  error: Stripe.errors.StripeError,
  { resent }: CallFacts,
): ChargeResult {
  return resent
    ? unknown("connection_lost")
    : { kind: "deferred", reason, retry_after_ms: retryAfterMs(error) };
}

/** RFC 9110, 10.2.3: seconds or a date. A date is useless with a clock that may be wrong; then it is 1 s. */
function retryAfterMs({ headers }: Stripe.errors.StripeError): number | null {
  const text = headers?.["retry-after"];
  if (text === undefined) return null;
  const seconds = Number(text);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : 1_000;
}

function isTimeout({ detail }: Stripe.errors.StripeError): boolean {
  return typeof detail === "object" && detail !== null && "code" in detail && detail.code === "ETIMEDOUT";
}

function isReplayed({ headers }: Stripe.errors.StripeError): boolean {
  return headers?.["idempotent-replayed"] === "true";
}
