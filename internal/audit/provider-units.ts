// The provider's ledger counts two currencies in hundredths although they have no decimals any more
// (https://docs.stripe.com/currencies#special-cases). As a judge, the audit keeps its own list. Pure.

const HUNDREDTHS_AT_THE_PROVIDER: ReadonlySet<string> = new Set(["ISK", "UGX"]);

/** Converts an amount of the provider's ledger to minor units of its currency, which everything else uses. */
export function inMinorUnits(amount: number, currency: string): number {
  return HUNDREDTHS_AT_THE_PROVIDER.has(currency) ? amount / 100 : amount;
}
