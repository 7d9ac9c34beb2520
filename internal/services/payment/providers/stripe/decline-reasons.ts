// Why a charge was declined, in our codes and sentences: a closed table, so that no text of the provider is stored or sent on. Its
// messages quote the request ("No such PaymentMethod: '...'"), which may contain anything that a front end or a shopper entered, even
// a card number. Called by stripe-errors.ts.
import { type FailureCode, isFailureCode } from "../../../../../schemas/failures.ts";

export interface DeclineReason {
  readonly error_code: FailureCode;
  readonly error_message: string;
}

/** By the provider's code (https://docs.stripe.com/error-codes), lower case; ours is the same in upper case. */
const SENTENCES: Readonly<Partial<Record<Lowercase<FailureCode>, string>>> = {
  amount_too_large: "the amount is more than the payment provider accepts",
  amount_too_small: "the amount is less than the payment provider accepts",
  authentication_required: "the bank asks the shopper to confirm the payment",
  balance_insufficient: "the account does not have enough money",
  card_decline_rate_limit_exceeded: "the card was declined too often",
  card_declined: "the card was declined",
  expired_card: "the card has expired",
  incorrect_address: "the card's billing address is wrong",
  incorrect_cvc: "the card's security code is wrong",
  incorrect_number: "the card's number is not valid",
  incorrect_zip: "the card's postal code is wrong",
  insufficient_funds: "the account does not have enough money",
  invalid_card_type: "this type of card is not accepted",
  invalid_cvc: "the card's security code is not valid",
  invalid_expiry_month: "the card's expiry month is not valid",
  invalid_expiry_year: "the card's expiry year is not valid",
  invalid_number: "the card's number is not valid",
  payment_intent_authentication_failure: "the shopper did not confirm the payment at the bank",
  payment_method_currency_mismatch: "the payment method does not support this currency",
  payment_method_customer_decline: "the shopper declined the payment",
  payment_method_invalid: "the payment provider does not know the payment method",
  payment_method_not_available: "the payment method is not available now",
  payment_method_provider_decline: "the payment method was declined",
  payment_method_provider_timeout: "the payment method did not answer in time",
  payment_method_unactivated: "the payment method is not activated",
  payment_method_unexpected_state: "the payment method cannot be charged in its current state",
  payment_method_unsupported_type: "this type of payment method is not accepted",
  processing_error: "the bank could not process the payment",
};

/** For a code that is not in the table. The provider ledger has the details, with the saga's id. */
const OTHER: DeclineReason = {
  error_code: "PAYMENT_DECLINED",
  error_message: "the payment provider declined the payment",
};

/** The reason that is saved for a decline with the provider's `code`, which may be any text. */
export function declineReason(code: string): DeclineReason {
  const sentence = isListed(code) ? SENTENCES[code] : undefined;
  const error_code = code.toUpperCase();
  return sentence === undefined || !isFailureCode(error_code)
    ? OTHER
    : { error_code, error_message: sentence };
}

function isListed(code: string): code is keyof typeof SENTENCES {
  return Object.hasOwn(SENTENCES, code);
}

/** Why a refund was refused, apart from the errors of a charge. */
const REFUND_REFUSALS: ReadonlySet<string> = new Set([
  "balance_insufficient",
  "charge_disputed",
  "charge_exceeds_transaction_limit",
  "charge_expired_for_capture",
  "charge_not_refundable",
  "charge_pending",
  "payment_intent_unexpected_state",
  "refund_disputed_payment",
  "request_malformed",
  "resource_missing",
]);

/** Our code for a refund that was refused with the provider's `code`. */
export function refundRefusal(code: string): string {
  return REFUND_REFUSALS.has(code) ? code.toUpperCase() : "REFUND_REFUSED";
}
