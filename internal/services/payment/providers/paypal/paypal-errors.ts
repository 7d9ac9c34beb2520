// Says what each refusal and silence of PayPal means for the money. Called by paypal.ts for every call that has no answer; the tables
// are the heart of the adapter.
//
// Sources: the issues in PayPal's OpenAPI documents (checkout_orders_v2.json, payments_payment_v2.json) and
// https://developer.paypal.com/api/rest/reference/orders/v2/errors/. A name that is not here is treated as our fault before a capture, and
// as unknown at a capture: a wrong guess would lose money, a retry does not.
import type { FailureCode } from "../../../../../schemas/failures.ts";
import type { Deferred, RequestRefused, UnknownReason } from "../provider.ts";
import type { Refusal, Reply } from "./paypal-client.ts";

export type Failure = Exclude<Reply, { readonly kind: "answer" }>;

export interface DeclineReason {
  readonly error_code: FailureCode;
  readonly error_message: string;
}

const DECLINED: DeclineReason = {
  error_code: "PAYMENT_METHOD_PROVIDER_DECLINE",
  error_message: "PayPal declined the payment",
};

/** What PayPal says of the payer or the payer's way to pay. Of the reasons, shoppers learn only what they can act on. */
const DECLINES: ReadonlyMap<string, DeclineReason> = new Map(
  Object.entries({
    INSTRUMENT_DECLINED: DECLINED,
    TRANSACTION_REFUSED: DECLINED,
    TRANSACTION_BLOCKED_BY_PAYER: DECLINED,
    TRANSACTION_LIMIT_EXCEEDED: DECLINED,
    PAYER_CANNOT_PAY: DECLINED,
    PAYER_ACCOUNT_LOCKED_OR_CLOSED: DECLINED,
    PAYER_ACCOUNT_RESTRICTED: DECLINED,
    PAYER_COUNTRY_NOT_SUPPORTED: DECLINED,
    COMPLIANCE_VIOLATION: DECLINED,
    REDIRECT_PAYER_FOR_ALTERNATE_FUNDING: DECLINED,
    CARD_EXPIRED: { error_code: "EXPIRED_CARD", error_message: "the card has expired" },
    PAYER_ACTION_REQUIRED: {
      error_code: "AUTHENTICATION_REQUIRED",
      error_message: "PayPal asks the shopper to confirm the payment again",
    },
    MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED: {
      error_code: "CARD_DECLINE_RATE_LIMIT_EXCEEDED",
      error_message: "the payment was declined too often",
    },
    CURRENCY_NOT_SUPPORTED: {
      error_code: "PAYMENT_METHOD_CURRENCY_MISMATCH",
      error_message: "the payment method does not support this currency",
    },
    CURRENCY_NOT_SUPPORTED_FOR_COUNTRY: {
      error_code: "PAYMENT_METHOD_CURRENCY_MISMATCH",
      error_message: "the payment method does not support this currency",
    },
    MAX_VALUE_EXCEEDED: {
      error_code: "AMOUNT_TOO_LARGE",
      error_message: "the amount is more than the payment provider accepts",
    },
  } satisfies Readonly<Record<string, DeclineReason>>),
);

/** The reason of a refusal that is definite for the shopper's payment; null if it is not. */
export function declineOf({ status, issue }: Refusal): DeclineReason | null {
  return status === 422 ? (DECLINES.get(issue ?? "") ?? null) : null;
}

/** The shopper did not approve the payment in time, or nobody waits with it any more. */
export const NOT_APPROVED: DeclineReason = {
  error_code: "PAYMENT_METHOD_CUSTOMER_DECLINE",
  error_message: "the shopper did not approve the payment at PayPal",
};
/** A capture of an order that PayPal did not carry out. */
export const NOT_CAPTURED: DeclineReason = DECLINED;
export const HOLD_EXPIRED: DeclineReason = {
  error_code: "AUTHORIZATION_ENDED",
  error_message: "PayPal does not hold the money any more",
};
/** PayPal always asks the shopper. */
export const NO_SHOPPER: DeclineReason = {
  error_code: "AUTHENTICATION_REQUIRED",
  error_message: "PayPal asks the shopper to approve the payment, and the shopper is not there",
};

/** What a failed call says if it is no decline. A call that may have had an effect is unknown. */
export function failureOf(reply: Failure): Deferred | RequestRefused | ReturnType<typeof unknown> {
  if (reply.kind === "silence") return unknown(reply.reason);
  if (reply.kind === "unsent") return deferred("unavailable", null);
  const { status, name, issue, field, retryAfterMs } = reply;
  const code = issue ?? name ?? `http_${status}`;
  if (status === 429) return deferred("rate_limited", retryAfterMs);
  // 503 with a retry time: not taken. Of other server errors anything may have happened.
  if (status === 503 && retryAfterMs !== null) return deferred("unavailable", retryAfterMs);
  if (status >= 500) return unknown("server_error");
  // Of two requests with one PayPal-Request-Id at the same time, PayPal may fail the second.
  if (status === 409 || issue === "PREVIOUS_REQUEST_IN_PROGRESS") return unknown("key_in_use");
  if (issue === "DUPLICATE_REQUEST_ID" || issue === "PAYPAL_REQUEST_ID_PREVIOUSLY_USED")
    return unknown("key_reused");
  return { kind: "request_refused", code, param: field };
}

/** For people and metrics: why a refund did not succeed. */
export function failureCode(reply: Failure): string {
  if (reply.kind === "silence") return reply.reason.toUpperCase();
  if (reply.kind === "unsent") return "PROVIDER_UNAVAILABLE";
  return reply.issue ?? reply.name ?? `HTTP_${reply.status}`;
}

export function unknown(reason: UnknownReason) {
  // PayPal answers a repeated key with the latest state, never with a stored error.
  return { kind: "unknown", reason, replayed: false } as const;
}

function deferred(reason: Deferred["reason"], retry_after_ms: number | null): Deferred {
  return { kind: "deferred", reason, retry_after_ms };
}
