// The payment methods that the simulator knows: Stripe's test tokens (https://docs.stripe.com/testing) and our own `pm_sim_...`, which
// cause faults. Pure. README.md repeats the table.
import { cardDeclined } from "./errors.ts";
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import type { Fault } from "./faults.ts";

const ACCEPTED = new Set(
  [
    "visa",
    "visa_debit",
    "mastercard",
    "mastercard_debit",
    "amex",
    "discover",
    "diners",
    "jcb",
    "unionpay",
  ].map((brand) => `pm_card_${brand}`),
);

type Operation = "charge" | "capture" | "refund";

/** What one of our tokens does: which fault, in which operation, for how many executions with one key. */
interface Misbehaviour {
  readonly fault: Fault;
  readonly operation: Operation;
  readonly attempts: number;
}

const always = Number.POSITIVE_INFINITY;
const MISBEHAVING: Readonly<Record<string, Misbehaviour>> = {
  pm_sim_reply_lost: { fault: "reply_lost", operation: "charge", attempts: always },
  pm_sim_timeout_then_success: { fault: "timeout_after", operation: "charge", attempts: always },
  pm_sim_timeout_once: { fault: "timeout_before", operation: "charge", attempts: 1 },
  pm_sim_timeout_no_effect: { fault: "timeout_before", operation: "charge", attempts: always },
  pm_sim_500_once: { fault: "error_before", operation: "charge", attempts: 1 },
  pm_sim_500: { fault: "error_before", operation: "charge", attempts: always },
  pm_sim_500_stored: { fault: "error_stored", operation: "charge", attempts: always },
  pm_sim_500_after_effect: { fault: "error_after", operation: "charge", attempts: always },
  pm_sim_capture_reply_lost: { fault: "reply_lost", operation: "capture", attempts: always },
  pm_sim_capture_timeout_then_success: { fault: "timeout_after", operation: "capture", attempts: always },
  pm_sim_capture_500_once: { fault: "error_before", operation: "capture", attempts: 1 },
  pm_sim_capture_500: { fault: "error_before", operation: "capture", attempts: always },
  pm_sim_capture_500_after_effect: { fault: "error_after", operation: "capture", attempts: always },
  pm_sim_refund_reply_lost: { fault: "reply_lost", operation: "refund", attempts: always },
  pm_sim_refund_timeout_then_success: { fault: "timeout_after", operation: "refund", attempts: always },
  pm_sim_refund_500_once: { fault: "error_before", operation: "refund", attempts: 1 },
  pm_sim_refund_500: { fault: "error_before", operation: "refund", attempts: always },
};

/**
 * What becomes later of a charge or its refunds, by itself. Stripe's tokens (https://docs.stripe.com/testing#refunds, #disputes), and one of
 * our own for a refund that never succeeds.
 */
export type Aftermath = "refund_pending" | "refund_pending_fails" | "refund_fails" | "dispute";
const LATER: Readonly<Record<string, Aftermath>> = {
  pm_card_pendingRefund: "refund_pending",
  pm_sim_refund_pending_fails: "refund_pending_fails",
  pm_card_refundFail: "refund_fails",
  pm_card_createDispute: "dispute",
};

/** Null for a card that nothing happens to later. */
export function aftermathOf(token: string): Aftermath | null {
  return Object.hasOwn(LATER, token) ? (LATER[token] ?? null) : null;
}

/** Stripe writes some declining tokens with the brand and some without; both are accepted. */
const DECLINED = /^pm_card_(?:visa_)?(chargeDeclined\w*)$/;
const DECLINES: Readonly<Record<string, readonly [code: string, declineCode: string, message: string]>> = {
  chargeDeclined: ["card_declined", "generic_decline", "Your card was declined."],
  chargeDeclinedInsufficientFunds: [
    "card_declined",
    "insufficient_funds",
    "Your card has insufficient funds.",
  ],
  chargeDeclinedLostCard: ["card_declined", "lost_card", "Your card was declined."],
  chargeDeclinedStolenCard: ["card_declined", "stolen_card", "Your card was declined."],
  chargeDeclinedFraudulent: ["card_declined", "fraudulent", "Your card was declined."],
  chargeDeclinedVelocityLimitExceeded: [
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
  ],
  chargeDeclinedExpiredCard: ["expired_card", "expired_card", "Your card has expired."],
  chargeDeclinedIncorrectCvc: ["incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."],
  chargeDeclinedProcessingError: [
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
  ],
};

/** The bank wants the shopper to confirm the charge (3-D Secure), and then does this. Stripe's tokens, and one without the brand. */
const CHALLENGED: Readonly<Record<string, "accepts" | "declines">> = {
  pm_card_authenticationRequired: "accepts",
  pm_card_threeDSecureRequired: "accepts",
  pm_card_threeDSecure2Required: "accepts",
  pm_card_threeDSecureRequiredChargeDeclined: "declines",
};

/** What the bank does once the shopper has confirmed; null for a card that needs no confirmation. */
export function challengeOf(token: string): "accepts" | "declines" | null {
  return Object.hasOwn(CHALLENGED, token) ? (CHALLENGED[token] ?? null) : null;
}

/** Held, but the bank refuses the capture. */
const CAPTURE_DECLINED = "pm_sim_capture_declined";
/** The hold ends as soon as it is made. */
const HOLD_ENDS = "pm_sim_hold_ends";

export function captureDeclineOf(token: string): ProviderError | null {
  return token === CAPTURE_DECLINED ? genericDecline() : null;
}

export function isEndingHold(token: string): boolean {
  return token === HOLD_ENDS;
}

export function isKnownPaymentMethod(token: string): boolean {
  if (challengeOf(token) !== null || aftermathOf(token) !== null) return true;
  if (token === CAPTURE_DECLINED || token === HOLD_ENDS) return true;
  return ACCEPTED.has(token) || Object.hasOwn(MISBEHAVING, token) || declineOf(token) !== null;
}

export interface CardOfToken {
  readonly brand: string;
  readonly last4: string;
}

/** Stripe's numbers of the tokens (https://docs.stripe.com/testing); the others are the first one. */
const CARDS: Readonly<Record<string, CardOfToken>> = {
  pm_card_visa: { brand: "visa", last4: "4242" },
  pm_card_visa_debit: { brand: "visa", last4: "5556" },
  pm_card_mastercard: { brand: "mastercard", last4: "4444" },
  pm_card_mastercard_debit: { brand: "mastercard", last4: "8210" },
  pm_card_amex: { brand: "amex", last4: "0005" },
  pm_card_discover: { brand: "discover", last4: "1117" },
  pm_card_diners: { brand: "diners", last4: "0004" },
  pm_card_jcb: { brand: "jcb", last4: "0505" },
  pm_card_unionpay: { brand: "unionpay", last4: "0005" },
  pm_card_pendingRefund: { brand: "visa", last4: "7726" },
  pm_card_refundFail: { brand: "visa", last4: "5126" },
  pm_card_createDispute: { brand: "visa", last4: "0259" },
  pm_card_authenticationRequired: { brand: "visa", last4: "3184" },
  pm_card_threeDSecureRequired: { brand: "visa", last4: "3063" },
  pm_card_threeDSecure2Required: { brand: "visa", last4: "3220" },
};
const ANY_CARD: CardOfToken = { brand: "visa", last4: "4242" };

export function cardOf(token: string): CardOfToken {
  return Object.hasOwn(CARDS, token) ? (CARDS[token] ?? ANY_CARD) : ANY_CARD;
}

/** The decline that a declining token causes; null for any other token. */
export function declineOf(token: string): ProviderError | null {
  const name = DECLINED.exec(token)?.[1] ?? "";
  const known = Object.hasOwn(DECLINES, name) ? DECLINES[name] : undefined;
  return known === undefined ? null : cardDeclined(...known);
}

/** The error of a decline that was drawn at random. */
export function genericDecline(): ProviderError {
  return cardDeclined("card_declined", "generic_decline", "Your card was declined.");
}

/** The shopper is not there, and the bank wants them. */
export function authenticationRequired(): ProviderError {
  return cardDeclined(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
  );
}

/** The shopper refused, or the bank did not believe them. */
export const AUTHENTICATION_FAILED: ProviderError = {
  status: 400,
  type: "invalid_request_error",
  code: "payment_intent_authentication_failure",
  message: "The provided PaymentMethod has failed authentication. (Refused at the payment simulator's bank.)",
};

/** The fault that a token causes in execution number `attempt` (from 1) of this operation with one key. */
export function faultOf(token: string, operation: Operation, attempt: number): Fault | null {
  const found = Object.hasOwn(MISBEHAVING, token) ? MISBEHAVING[token] : undefined;
  return found?.operation === operation && attempt <= found.attempts ? found.fault : null;
}
