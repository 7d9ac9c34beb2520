// The smallest and largest sums that can be charged, in each currency. A sum outside is refused before the charge, where the shopper
// gets a clear reason. Pure. Called by the gateway for the total that the shopper saw, and by the saga for the real one.
//
// The limits are Stripe's (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). A minimum holds where the shop is
// paid out in the same currency; otherwise Stripe converts the sum and applies the minimum of that currency, which only it can know. So
// a currency without an entry has no minimum here, and Stripe may still refuse a very small sum. Of the largest sum the API reference
// says: at most eight digits, in Stripe's units.
import { type Money, moneyText, priceFault } from "./money.ts";

/** In minor units, as all amounts. */
const MINIMUM_CENTS: ReadonlyMap<string, number> = new Map([
  ["AED", 200],
  ["AUD", 50],
  ["BRL", 50],
  ["CAD", 50],
  ["CHF", 50],
  ["CZK", 1_500],
  ["DKK", 250],
  ["EUR", 50],
  ["GBP", 30],
  ["HKD", 400],
  ["HUF", 17_500],
  ["INR", 50],
  ["JPY", 50],
  ["MXN", 1_000],
  ["MYR", 200],
  ["NOK", 300],
  ["NZD", 50],
  ["PLN", 200],
  ["RON", 200],
  ["SEK", 300],
  ["SGD", 50],
  ["THB", 1_000],
  ["USD", 50],
]);
const SMALLEST_CENTS = 1;
const MAXIMUM_CENTS = 99_999_999;
/** Stripe counts these in hundredths, so two of the eight digits are always 0. */
const MAXIMUM_OF: ReadonlyMap<string, number> = new Map([
  ["ISK", 999_999],
  ["UGX", 999_999],
]);

export interface ChargeFault {
  readonly code: "TOTAL_TOO_SMALL" | "TOTAL_TOO_LARGE" | "AMOUNT_NOT_CHARGEABLE";
  /** For people. */
  readonly message: string;
}

/** In minor units. */
export function chargeLimits(currency: string): { readonly minimum: number; readonly maximum: number } {
  return {
    minimum: MINIMUM_CENTS.get(currency) ?? SMALLEST_CENTS,
    maximum: MAXIMUM_OF.get(currency) ?? MAXIMUM_CENTS,
  };
}

/** Why this total cannot be charged. Null if it can, or if there is nothing to pay. */
export function chargeFault({ amount_cents, currency }: Money): ChargeFault | null {
  if (amount_cents === 0) return null;
  const { minimum, maximum } = chargeLimits(currency);
  if (amount_cents < minimum)
    return {
      code: "TOTAL_TOO_SMALL",
      message: `${moneyText(amount_cents, currency)} is too little for one order: at least ${moneyText(minimum, currency)}, or nothing`,
    };
  if (amount_cents > maximum)
    return {
      code: "TOTAL_TOO_LARGE",
      message: `${moneyText(amount_cents, currency)} is too much for one order: at most ${moneyText(maximum, currency)}`,
    };
  const fault = priceFault({ amount_cents, currency });
  return fault === null ? null : { code: "AMOUNT_NOT_CHARGEABLE", message: fault };
}
