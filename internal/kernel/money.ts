// Money is a whole number of minor units of one currency: 1250 is 12.50 EUR, 1250 JPY, 1.250 KWD. Floats are never used. Its
// fields are called `*_cents` for every currency.
//
// The table is our own because other sources disagree: Intl has different digits on Bun and on Node (both differ from ISO 4217 or
// from the payment provider for HUF or ISK), and a wrong digit is a wrong sum. Prices and carts in a currency that is not in the
// table are rejected at the entrance.

export interface Money {
  readonly amount_cents: number;
  readonly currency: string;
}

interface MinorUnit {
  /** Decimals of an amount. */
  readonly digits: 0 | 2 | 3;
  /** Prices are multiples of this many minor units: card networks accept nothing smaller. */
  readonly step: 1 | 10;
}

const WHOLE: MinorUnit = { digits: 0, step: 1 };
const HUNDREDTHS: MinorUnit = { digits: 2, step: 1 };
/** Card networks require the last of the three digits to be 0. */
const THOUSANDTHS: MinorUnit = { digits: 3, step: 10 };

/** ISO 4217 codes. MGA has no decimals here: its minor unit is a fifth, not a hundredth, and is never charged. */
const MINOR_UNITS: ReadonlyMap<string, MinorUnit> = new Map([
  ...codes("BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF", WHOLE),
  ...codes(
    `AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK DOP DZD EGP
     ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD
     MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD SAR SBD SCR SEK SGD SHP SOS SRD
     SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW`,
    HUNDREDTHS,
  ),
  ...codes("BHD JOD KWD OMR TND", THOUSANDTHS),
]);

/** The supported currencies, sorted. */
export const CURRENCIES: readonly string[] = [...MINOR_UNITS.keys()].toSorted();

/** The sum of quantity x unit price, in minor units. */
export function totalCents(
  lines: readonly { readonly quantity: number; readonly unit_price_cents: number }[],
): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.unit_price_cents, 0);
}

export function isKnownCurrency(currency: string): boolean {
  return MINOR_UNITS.has(currency);
}

/** Prices in this currency are multiples of this amount, in minor units. */
export function priceStep(currency: string): number {
  return MINOR_UNITS.get(currency)?.step ?? 1;
}

/** Decimals of an amount in this currency; null if it is not in the table. */
export function minorDigits(currency: string): number | null {
  return MINOR_UNITS.get(currency)?.digits ?? null;
}

/** For people: `12.50 EUR`, `50000 JPY`, `1.860 KWD`. A currency that is not in the table is shown in minor units. */
export function moneyText(amount_cents: number, currency: string): string {
  const unit = MINOR_UNITS.get(currency);
  if (unit === undefined) return `${amount_cents} minor units of ${currency}`;
  if (unit.digits === 0) return `${amount_cents} ${currency}`;
  const digits = String(Math.abs(amount_cents)).padStart(unit.digits + 1, "0");
  const sign = amount_cents < 0 ? "-" : "";
  return `${sign}${digits.slice(0, -unit.digits)}.${digits.slice(-unit.digits)} ${currency}`;
}

/**
 * The reverse: `12.50` in EUR is 1250, `1.860` in KWD is 1860. Null if the text is no amount of a currency in the table: a comma, a sign
 * or more decimals than the currency has. Exact, because floats are never used.
 */
export function parseMoney(text: string, currency: string): number | null {
  const unit = MINOR_UNITS.get(currency);
  const [, whole, decimals = ""] = /^(\d{1,12})(?:\.(\d{1,3}))?$/.exec(text) ?? [];
  if (unit === undefined || whole === undefined || decimals.length > unit.digits) return null;
  return Number(whole + decimals.padEnd(unit.digits, "0"));
}

/** Why this price is invalid, as a message for the person who set it. Null if it is valid. */
export function priceFault({ amount_cents, currency }: Money): string | null {
  const step = priceStep(currency);
  if (!isKnownCurrency(currency)) return currencyFault(currency);
  if (amount_cents % step !== 0) {
    return `prices in ${currency} are multiples of ${step} minor units (${moneyText(step, currency)}): cards accept no smaller step`;
  }
  return null;
}

/** Why `currency` is not supported. Null if it is. */
export function currencyFault(currency: string): string | null {
  return isKnownCurrency(currency)
    ? null
    : `${currency} is not a supported currency; supported: ${CURRENCIES.join(" ")}`;
}

function codes(list: string, unit: MinorUnit): (readonly [string, MinorUnit])[] {
  return list.split(/\s+/).map((code) => [code, unit] as const);
}
