// Which amounts PayPal can charge. What it cannot charge is refused before the charge, where the shopper gets a clear reason. Pure. Called
// by the gateway for the checkout, by the storefront for what it offers, and by the PayPal adapter.
//
// PayPal takes only the currencies of its own list. HUF, JPY and TWD are whole there: "if you pass a decimal amount, an error occurs"
// (https://developer.paypal.com/api/rest/reference/currency-codes/). HUF and TWD have two decimals in ISO 4217 and here.
import { type Money, minorDigits } from "./money.ts";

/** BRL, CNY and MYR only for accounts of their countries; PayPal refuses them elsewhere. */
export const PAYPAL_CURRENCIES: ReadonlySet<string> = new Set(
  "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD".split(
    " ",
  ),
);
export const WHOLE_AT_PAYPAL: ReadonlySet<string> = new Set(["HUF", "JPY", "TWD"]);

/** Why PayPal cannot charge exactly this amount, for people. Null if it can. */
export function payPalFault({ amount_cents, currency }: Money): string | null {
  if (!PAYPAL_CURRENCIES.has(currency))
    return `PayPal does not take ${currency}; its currencies: ${[...PAYPAL_CURRENCIES].join(" ")}`;
  if (!WHOLE_AT_PAYPAL.has(currency) || amount_cents % 10 ** (minorDigits(currency) ?? 0) === 0) return null;
  return `PayPal takes only whole amounts of ${currency}`;
}
