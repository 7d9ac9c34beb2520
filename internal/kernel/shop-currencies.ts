// The currencies in which a shop sells: the setting SHOP_CURRENCIES of gateway and inventory. Pure.
import { CURRENCIES, currencyFault } from "./money.ts";

/** The currencies of a list such as `EUR,CHF`; of an empty one all that can be charged. */
export function shopCurrencies(list: string): ReadonlySet<string> {
  return new Set(list === "" ? CURRENCIES : list.split(",").map((code) => code.trim()));
}

/** Why the shop does not sell in `currency`. Null if it does. */
export function shopCurrencyFault(currency: string, currencies: ReadonlySet<string>): string | null {
  if (currencies.has(currency)) return null;
  return (
    currencyFault(currency) ??
    `this shop does not sell in ${currency}; its currencies: ${[...currencies].join(" ")}`
  );
}
