// Why a checkout ended without an order. Each failure code belongs to a kind, and the kind decides everything else: what the pages and
// the mail say, what the shopper can do next, whether a retry may succeed, and whether it was a decline. A service can only produce codes
// of this table (`FailureCode`), and each text is a record by kind: a missing entry does not compile. Pure.
//
// Codes that would warn a thief (lost, stolen, fraud) arrive as CARD_DECLINED already: the payment service stores no finer reason.

export type FailureKind =
  | "price_changed"
  | "short_of_stock"
  | "not_sold"
  | "other_currency"
  | "too_large"
  | "too_small"
  | "odd_amount"
  | "hold_ended"
  | "too_slow"
  | "cancelled_by_shop"
  | "lost_after_paying"
  | "no_funds"
  | "card_details"
  | "card_expired"
  | "bank_refused"
  | "not_confirmed"
  | "not_confirmed_in_time"
  | "card_not_accepted"
  | "bank_error"
  | "payments_down"
  | "address_not_served"
  | "our_fault";

/** What the shopper can do next. */
export type NextStep = "pay_again" | "other_card" | "edit_cart" | "new_price" | "new_address" | "wait";

const KIND_OF = {
  // The saga's own.
  PRICE_CHANGED: "price_changed",
  INSUFFICIENT_STOCK: "short_of_stock",
  UNKNOWN_SKU: "not_sold",
  CURRENCY_MISMATCH: "other_currency",
  PAYMENT_NOT_CONFIRMED: "not_confirmed_in_time",
  TOTAL_TOO_LARGE: "too_large",
  TOTAL_TOO_SMALL: "too_small",
  RESERVATION_EXPIRED: "hold_ended",
  RESERVATION_LOST: "lost_after_paying",
  DEADLINE_EXCEEDED: "too_slow",
  OPERATOR_CANCELLED: "cancelled_by_shop",
  // The order service's.
  ADDRESS_NOT_SERVED: "address_not_served",
  TOTAL_MISMATCH: "our_fault",
  // The payment service's.
  PROVIDER_UNAVAILABLE: "payments_down",
  PROVIDER_REJECTED: "payments_down",
  PAYMENT_DECLINED: "bank_refused",
  PAYMENT_METHOD_INVALID: "card_details",
  NOT_CHARGED: "payments_down",
  AMOUNT_NOT_CHARGEABLE: "odd_amount",
  AUTHORIZATION_ENDED: "bank_error",
  // The bank's reasons.
  AMOUNT_TOO_LARGE: "too_large",
  AMOUNT_TOO_SMALL: "too_small",
  AUTHENTICATION_REQUIRED: "not_confirmed",
  BALANCE_INSUFFICIENT: "no_funds",
  CARD_DECLINE_RATE_LIMIT_EXCEEDED: "bank_refused",
  CARD_DECLINED: "bank_refused",
  EXPIRED_CARD: "card_expired",
  INCORRECT_ADDRESS: "card_details",
  INCORRECT_CVC: "card_details",
  INCORRECT_NUMBER: "card_details",
  INCORRECT_ZIP: "card_details",
  INSUFFICIENT_FUNDS: "no_funds",
  INVALID_CARD_TYPE: "card_not_accepted",
  INVALID_CVC: "card_details",
  INVALID_EXPIRY_MONTH: "card_details",
  INVALID_EXPIRY_YEAR: "card_details",
  INVALID_NUMBER: "card_details",
  PAYMENT_INTENT_AUTHENTICATION_FAILURE: "not_confirmed",
  PAYMENT_METHOD_CURRENCY_MISMATCH: "card_not_accepted",
  PAYMENT_METHOD_CUSTOMER_DECLINE: "not_confirmed",
  PAYMENT_METHOD_NOT_AVAILABLE: "card_not_accepted",
  PAYMENT_METHOD_PROVIDER_DECLINE: "bank_refused",
  PAYMENT_METHOD_PROVIDER_TIMEOUT: "bank_error",
  PAYMENT_METHOD_UNACTIVATED: "card_not_accepted",
  PAYMENT_METHOD_UNEXPECTED_STATE: "bank_refused",
  PAYMENT_METHOD_UNSUPPORTED_TYPE: "card_not_accepted",
  PROCESSING_ERROR: "bank_error",
} as const satisfies Readonly<Record<string, FailureKind>>;

export type FailureCode = keyof typeof KIND_OF;

const NEXT: Readonly<Record<FailureKind, NextStep>> = {
  price_changed: "new_price",
  short_of_stock: "edit_cart",
  not_sold: "edit_cart",
  other_currency: "edit_cart",
  too_large: "edit_cart",
  too_small: "edit_cart",
  odd_amount: "edit_cart",
  hold_ended: "pay_again",
  too_slow: "pay_again",
  cancelled_by_shop: "wait",
  lost_after_paying: "edit_cart",
  no_funds: "other_card",
  card_details: "other_card",
  card_expired: "other_card",
  bank_refused: "other_card",
  not_confirmed: "pay_again",
  not_confirmed_in_time: "pay_again",
  card_not_accepted: "other_card",
  bank_error: "pay_again",
  payments_down: "pay_again",
  address_not_served: "new_address",
  our_fault: "wait",
};

/** The same cart to the same address would meet these again. */
const NEEDS_ANOTHER_CHECKOUT: ReadonlySet<NextStep> = new Set(["edit_cart", "new_address"]);

/**
 * These tell somebody who tries cards whether one works. Other failures say nothing about the card: who does not confirm in time learns
 * nothing, and may have waited for a bank whose page is down.
 */
const DECLINES: ReadonlySet<FailureKind> = new Set([
  "no_funds",
  "card_details",
  "card_expired",
  "bank_refused",
  "not_confirmed",
]);

/**
 * The shop failed here, though shopper and card did nothing wrong: these count against the objectives that the alert rules watch. A
 * provider that is away or rejects our requests counts, because the shopper cannot buy and only the shop can do something about it. An
 * error of the bank (`bank_error`) does not: it concerns one card. Nor does what the shop decided: its prices, stock, limits, and
 * checkouts that an operator cancels.
 */
const SHOPS_FAILURES: ReadonlySet<FailureKind> = new Set([
  "hold_ended",
  "too_slow",
  "lost_after_paying",
  "payments_down",
  "our_fault",
]);

export const FAILURE_CODES: readonly FailureCode[] = Object.keys(KIND_OF).filter(isFailureCode);

export function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(KIND_OF, code);
}

/** A code that is not in the table is one of ours, newer than this binary. */
export function failureKind(code: string): FailureKind {
  return isFailureCode(code) ? KIND_OF[code] : "our_fault";
}

export function nextStepOf(kind: FailureKind): NextStep {
  return NEXT[kind];
}

/** Whether the same checkout may succeed later, or with another card. */
export function isRetryable(code: string): boolean {
  return !NEEDS_ANOTHER_CHECKOUT.has(NEXT[failureKind(code)]);
}

export function isDecline(code: string): boolean {
  return DECLINES.has(failureKind(code));
}

/** Whether the shop is to blame, and not the shopper, the card or its bank. */
export function isShopsFailure(code: string): boolean {
  return SHOPS_FAILURES.has(failureKind(code));
}
