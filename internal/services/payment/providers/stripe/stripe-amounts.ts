// Converts our amounts to Stripe's units and back. Stripe counts in minor units as we do, except for two currencies that lost their
// decimals while its API kept them (https://docs.stripe.com/currencies#special-cases). Called by stripe.ts and stripe-ledger.ts.
import { type Money, priceFault } from "../../../../kernel/money.ts";

/** Without decimals for us; at Stripe with hundredths, which are always 00. */
const HUNDREDTHS_AT_STRIPE: ReadonlySet<string> = new Set(["ISK", "UGX"]);

export type StripeAmount =
  | { readonly amount: number; readonly currency: string }
  /** Stripe would charge another amount, or none; a text for people. */
  | { readonly fault: string };

/** `amount` and `currency` as Stripe's requests expect them. */
export function toStripe({ amount_cents, currency }: Money): StripeAmount {
  const fault = priceFault({ amount_cents, currency });
  if (fault !== null) return { fault };
  return { amount: amount_cents * factorOf(currency), currency: currency.toLowerCase() };
}

/** Stripe's amount in our minor units. Not whole if another shop has charged an amount that we never would. */
export function fromStripe(amount: number, currency: string): Money {
  const code = currency.toUpperCase();
  return { amount_cents: amount / factorOf(code), currency: code };
}

function factorOf(currency: string): number {
  return HUNDREDTHS_AT_STRIPE.has(currency) ? 100 : 1;
}
