// Stripe's rules for currencies and amounts (https://docs.stripe.com/currencies), separate from the shop's: a shop that sends a wrong
// amount must get an error or show up in the ledger. Pure. Called by requests.ts and decide.ts.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import { invalidRequest } from "./errors.ts";

/** The largest amount: eight digits, whatever the currency. */
const MAX_AMOUNT = 99_999_999;

const ZERO_DECIMAL = words("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF");
const THREE_DECIMAL = words("BHD JOD KWD OMR TND");
/** Two decimals in the API, which must be 00. */
const WHOLE_IN_HUNDREDTHS = words("ISK UGX");
const TWO_DECIMAL = words(
  `USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK DOP
   DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL
   MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP
   SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UYU UZS WST XCD XCG YER ZAR ZMW`,
);

export function badCurrency(currency: string): ProviderError | null {
  const code = currency.toUpperCase();
  const isKnown = [ZERO_DECIMAL, THREE_DECIMAL, WHOLE_IN_HUNDREDTHS, TWO_DECIMAL].some((all) =>
    all.has(code),
  );
  return isKnown ? null : invalidRequest(`Invalid currency: ${currency.toLowerCase()}.`, "currency");
}

/** The error if cards cannot be charged this amount in this currency, else null. */
export function badSum(amount: number, currency: string): ProviderError | null {
  const code = currency.toUpperCase();
  if (amount > MAX_AMOUNT) {
    const most = decimalText(MAX_AMOUNT, code);
    return invalidRequest(
      `Amount must be no more than ${most} ${currency.toLowerCase()}.`,
      "amount",
      "amount_too_large",
    );
  }
  if (WHOLE_IN_HUNDREDTHS.has(code) && amount % 100 !== 0) {
    return invalidRequest(
      `Invalid amount. Currency ${code} has become effectively zero-decimal and charged amounts must be evenly divisible by 100.`,
      "amount",
      "invalid_charge_amount_no_decimal_compatible",
    );
  }
  if (THREE_DECIMAL.has(code) && amount % 10 !== 0) {
    return invalidRequest(
      `Invalid amount. Amounts in ${code} must be evenly divisible by 10.`,
      "amount",
      "parameter_invalid_integer",
    );
  }
  return null;
}

/** An amount of the API as people write it, without the currency. */
export function decimalText(amount: number, currency: string): string {
  const digits = ZERO_DECIMAL.has(currency) ? 0 : THREE_DECIMAL.has(currency) ? 3 : 2;
  return (amount / 10 ** digits).toFixed(digits);
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}
