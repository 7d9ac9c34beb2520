// What each of Stripe's errors says about the money. Called by stripe.ts for every call that did not end in an answer; the table
// is the heart of the adapter.
import { Stripe } from "stripe";
import { declineReason, refundRefusal } from "./decline-reasons.ts";
import type { ChargeResult, Deferred, RefundResult, RequestRefused, UnknownReason } from "../provider.ts";

/** A provider that asks for more is asked again after this long, to see whether it still means it. */
const MAX_RETRY_AFTER_MS = 60_000;

export interface CallFacts {
  /** The SDK has sent the request a second time, because the connection was closed under the first. */
  readonly resent: boolean;
}

type StripeErrorRule = (error: Stripe.errors.StripeError, facts: CallFacts) => ChargeResult;

/** By the SDK's error class. Whatever is not here is unknown: guessing wrong would lose money, asking again does not. */
const CHARGE_ERRORS: Readonly<Record<string, StripeErrorRule>> = {
  // 402: the bank said no, and the answer is stored under the key.
  StripeCardError: ({ code }) => declined(code ?? "card_declined"),
  // 400, 404: refused before execution.
  StripeInvalidRequestError: (error) => invalidRequest(error),
  // 401, 403: not even looked at. Earlier attempts were made with credentials that worked.
  StripeAuthenticationError: (error) => requestRefused(error, "api_key_refused"),
  StripePermissionError: (error) => requestRefused(error, "api_key_may_not"),
  // 429: too many calls, or (lock_timeout) another call of the provider holds the object.
  StripeRateLimitError: (error, facts) =>
    putOff(error.code === "lock_timeout" ? "locked" : "rate_limited", error, facts),
  // Somebody used the key with other parameters: what it stands for is to be looked up.
  StripeIdempotencyError: () => unknown("key_reused"),
  // The request may have got through. Nothing tells a refused connection from one cut after sending, because the SDK resends.
  StripeConnectionError: (error) => unknown(isTimeout(error) ? "timeout" : "connection_lost"),
  StripeAPIError: (error, facts) => {
    if (error.statusCode === 409)
      // A lock holds the call up before it is executed. Any other conflict is a request of ours that is being executed with
      // this key at this moment: what comes of that one is not known.
      return error.code === "lock_timeout" ? putOff("locked", error, facts) : unknown("key_in_use");
    // 503 that says when to come again: not taken. Other 5xx: anything may have happened; the answer may be stored.
    return error.statusCode === 503 && retryAfterMs(error) !== null && !isReplayed(error)
      ? putOff("unavailable", error, facts)
      : unknown("server_error", isReplayed(error));
  },
};

export function chargeResultOf(error: unknown, facts: CallFacts): ChargeResult {
  if (!(error instanceof Stripe.errors.StripeError)) return unknown("unexpected");
  return CHARGE_ERRORS[error.type]?.(error, facts) ?? unknown("unexpected");
}

/** Of one order, and no mistake of ours: the provider takes no such sums. */
const SUMS: ReadonlySet<string> = new Set(["amount_too_small", "amount_too_large"]);

/**
 * The payment method is the shopper's, and the sum the cart's: for those the refusal is definite, because the key comes first at the
 * provider; had an attempt with it been taken, that one's answer would have come. All else in the request was written here.
 */
function invalidRequest(error: Stripe.errors.StripeError): ChargeResult {
  const { code = "", param } = error;
  if (SUMS.has(code)) return declined(code);
  const isUnderstood = !code.startsWith("parameter_");
  if (isUnderstood && param === "payment_method") return declined("payment_method_invalid");
  if (code.startsWith("payment_method_")) return declined(code);
  return requestRefused(error, "request_malformed");
}

/** Nothing was given back, as far as this call goes: giving back a second time is refused, so a resent one is no risk. */
export function refundFailureOf(error: unknown): Exclude<RefundResult, { kind: "succeeded" }> {
  const answer = chargeResultOf(error, { resent: false });
  if (answer.kind === "deferred") return answer;
  // A refund is refused for many reasons that lie in the charge. Only what names the request itself is a mistake of ours.
  if (answer.kind === "request_refused") {
    const isOurs = answer.code.startsWith("parameter_") || answer.code.startsWith("api_key_");
    return isOurs ? answer : { kind: "not_yet", error_code: refundRefusal(answer.code) };
  }
  const error_code =
    answer.kind === "unknown"
      ? answer.reason.toUpperCase()
      : "error_code" in answer
        ? answer.error_code
        : "UNEXPECTED";
  return { kind: "not_yet", error_code };
}

function requestRefused({ code, param }: Stripe.errors.StripeError, otherwise: string): RequestRefused {
  return { kind: "request_refused", param: nameOrNull(param), code: nameOrNull(code) ?? otherwise };
}

/** A name of the provider's interface, none of which has a long number in it; anything else could be what a shopper typed. */
function nameOrNull(text: string | undefined): string | null {
  return text !== undefined && /^(?!.*\d{4})[a-z][a-z0-9_.[\]]{0,99}$/.test(text) ? text : null;
}

export function noEffect(error_message: string, error_code = "PROVIDER_REJECTED"): ChargeResult {
  return { kind: "no_effect", error_code, error_message };
}

export function declined(code: string) {
  return { kind: "declined", ...declineReason(code) } as const;
}

export function unknown(reason: UnknownReason, replayed = false) {
  return { kind: "unknown", reason, replayed } as const;
}

export function isAlreadyRefunded(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === "charge_already_refunded";
}

/** Of two requests the second one was not taken; the first may have been. */
function putOff(
  reason: Deferred["reason"],
  error: Stripe.errors.StripeError,
  { resent }: CallFacts,
): ChargeResult {
  return resent
    ? unknown("connection_lost")
    : { kind: "deferred", reason, retry_after_ms: retryAfterMs(error) };
}

/** RFC 9110, 10.2.3: seconds, or a date, which is no use beside a clock that may be wrong: then it is the default. */
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
