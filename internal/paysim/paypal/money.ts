// PayPal's rules for amounts (https://developer.paypal.com/api/rest/reference/currency-codes/), separate from the shop's: a shop that sends
// a wrong amount must get an error or show up in the ledger. Pure. Called by requests.ts and decide.ts.
import { type Refusal, unprocessable } from "./errors.ts";

const WHOLE = new Set(["HUF", "JPY", "TWD"]);
const HUNDREDTHS = new Set(
  "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD".split(" "),
);

export interface Money {
  readonly value: string;
  readonly currency: string;
}

/** The refusal of an amount that PayPal does not take, else null. */
export function badMoney({ value, currency }: Money, field: string): Refusal | null {
  if (!WHOLE.has(currency) && !HUNDREDTHS.has(currency))
    return unprocessable("CURRENCY_NOT_SUPPORTED", `${field}/currency_code`);
  const form = WHOLE.has(currency) ? /^\d{1,9}$/ : /^\d{1,9}\.\d\d$/;
  if (!form.test(value)) return unprocessable("DECIMAL_PRECISION", `${field}/value`);
  return hundredths(value) === 0 ? unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", `${field}/value`) : null;
}

/** For sums and comparisons; exact, because floats are never used. */
export function hundredths(value: string): number {
  const [whole = "0", decimals = ""] = value.split(".");
  return Number(whole + decimals.padEnd(2, "0"));
}

/** The text of a sum of `currency` in hundredths. */
export function textOf(amount: number, currency: string): string {
  const text = String(amount).padStart(3, "0");
  return WHOLE.has(currency) ? text.slice(0, -2) : `${text.slice(0, -2)}.${text.slice(-2)}`;
}
