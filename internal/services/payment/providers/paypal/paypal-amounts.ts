// Converts our amounts to PayPal's decimal strings and back. Called by paypal.ts and paypal-ledger.ts.
//
// PayPal takes only the currencies of its own list, and an amount is a text such as "12.50" (the schema `money` of Orders v2, at most 32
// characters). HUF, JPY and TWD are whole there: "if you pass a decimal amount, an error occurs"
// (https://developer.paypal.com/api/rest/reference/currency-codes/). HUF and TWD have two decimals in ISO 4217 and here.
import { type Money, minorDigits, parseMoney, priceFault } from "../../../../kernel/money.ts";

/** BRL, CNY and MYR only for accounts of their countries; PayPal refuses them elsewhere. */
export const PAYPAL_CURRENCIES: ReadonlySet<string> = new Set(
  "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD".split(
    " ",
  ),
);
const WHOLE_AT_PAYPAL: ReadonlySet<string> = new Set(["HUF", "JPY", "TWD"]);

/** The schema `money` of PayPal's API. */
export interface PayPalMoney {
  readonly currency_code: string;
  readonly value: string;
}

export type PayPalAmount =
  | { readonly money: PayPalMoney }
  /** PayPal would charge another amount, or none; a text for people. */
  | { readonly fault: string };

export function toPayPal({ amount_cents, currency }: Money): PayPalAmount {
  const fault = priceFault({ amount_cents, currency });
  if (fault !== null) return { fault };
  if (!PAYPAL_CURRENCIES.has(currency)) return { fault: `PayPal does not take ${currency}` };
  const digits = minorDigits(currency) ?? 0;
  const perWhole = 10 ** digits;
  if (!WHOLE_AT_PAYPAL.has(currency) && digits > 0) {
    const text = String(amount_cents).padStart(digits + 1, "0");
    return { money: { currency_code: currency, value: `${text.slice(0, -digits)}.${text.slice(-digits)}` } };
  }
  if (amount_cents % perWhole !== 0) return { fault: `PayPal takes only whole amounts of ${currency}` };
  return { money: { currency_code: currency, value: String(amount_cents / perWhole) } };
}

/** PayPal's amount in our minor units; null if it is none of a currency that we know. Zeros after the point are no decimals. */
export function fromPayPal({ currency_code, value }: PayPalMoney): Money | null {
  const digits = minorDigits(currency_code);
  const amount_cents = parseMoney(digits === 0 ? value.replace(/\.0+$/, "") : value, currency_code);
  return amount_cents === null ? null : { amount_cents, currency: currency_code };
}
