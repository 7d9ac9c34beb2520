// The products of a chaos run: one shelf for each currency, because a cart has one currency. Called by run.ts; shopping.ts takes from
// them.
import type { Money } from "../../internal/kernel/money.ts";
import { PRICE, type System } from "../system.ts";

/** Two decimals, none, and three; with its share of the checkouts. */
const CURRENCIES: readonly { readonly share: number; readonly price: Money }[] = [
  { share: 0.5, price: PRICE },
  { share: 0.25, price: { amount_cents: 1_480, currency: "JPY" } },
  // 3.870 KWD: cards want the last decimal to be 0.
  { share: 0.25, price: { amount_cents: 3_870, currency: "KWD" } },
];
export const SHOP_CURRENCIES = CURRENCIES.map(({ price }) => price.currency);
const SKUS = 50;
const STOCK = 10_000_000;
/** Of all scarce products together: fewer than the shoppers want. */
const SCARCE_STOCK = 150;

export interface Shelf {
  /** The share of the checkouts; the sum is 1. */
  readonly share: number;
  readonly price: Money;
  readonly skus: readonly string[];
  /** A SKU with too little stock for all. */
  readonly scarceSku: string;
}

/** Adds the products to the catalogue. */
export async function fillShelves(system: Pick<System, "restock">, seed: number): Promise<readonly Shelf[]> {
  const run = `${seed}-${Date.now().toString(36)}`;
  const shelves = CURRENCIES.map(({ share, price }): Shelf => {
    const name = price.currency.toLowerCase();
    const skus = Array.from({ length: SKUS }, (_, index) => `chaos-${run}-${name}-${index}`);
    return { share, price, skus, scarceSku: `scarce-${run}-${name}` };
  });
  for (const { share, price, skus, scarceSku } of shelves) {
    await system.restock(skus, STOCK, price);
    await system.restock([scarceSku], Math.round(SCARCE_STOCK * share), price);
  }
  return shelves;
}
