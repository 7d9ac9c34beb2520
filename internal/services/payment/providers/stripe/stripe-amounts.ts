// Converts our amounts to Stripe's units and back. Stripe counts in minor units as we do, with these special rules
// (https://docs.stripe.com/currencies#special-cases). Called by stripe.ts and stripe-ledger.ts.
//
// - ISK and UGX lost their decimals while Stripe's API kept them: amounts are in hundredths, which are always 00.
// - BHD, JOD, KWD, OMR and TND have three decimals, of which the last is always 0: our prices already are multiples of ten
//   (`priceStep`), so nothing is rounded here.
// - HUF and TWD are charged with two decimals as usual. Only payouts must be whole, and payouts are not our business.
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
