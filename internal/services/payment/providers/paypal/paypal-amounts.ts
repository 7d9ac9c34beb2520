// Converts our amounts to PayPal's decimal strings and back. Called by paypal.ts and paypal-ledger.ts. An amount is a text such as "12.50"
// there (the schema `money` of Orders v2, at most 32 characters).
import { type Money, minorDigits, parseMoney, priceFault } from "../../../../kernel/money.ts";
import { payPalFault, WHOLE_AT_PAYPAL } from "../../../../kernel/paypal-charges.ts";

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
  const fault = priceFault({ amount_cents, currency }) ?? payPalFault({ amount_cents, currency });
  if (fault !== null) return { fault };
  const digits = minorDigits(currency) ?? 0;
  const perWhole = 10 ** digits;
  if (!WHOLE_AT_PAYPAL.has(currency) && digits > 0) {
    const text = String(amount_cents).padStart(digits + 1, "0");
    return { money: { currency_code: currency, value: `${text.slice(0, -digits)}.${text.slice(-digits)}` } };
  }
  return { money: { currency_code: currency, value: String(amount_cents / perWhole) } };
}

/** PayPal's amount in our minor units; null if it is none of a currency that we know. Zeros after the point are no decimals. */
export function fromPayPal({ currency_code, value }: PayPalMoney): Money | null {
  const digits = minorDigits(currency_code);
  const amount_cents = parseMoney(digits === 0 ? value.replace(/\.0+$/, "") : value, currency_code);
  return amount_cents === null ? null : { amount_cents, currency: currency_code };
}
