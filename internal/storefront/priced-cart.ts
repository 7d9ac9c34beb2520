// The cart with today's prices and stock, and what is wrong with each line. Pure. The checkout itself decides about prices and stock
// again, in the services that own them; this is what the shopper is shown.
import { totalCents } from "../kernel/money.ts";
import type { Cart } from "./cart.ts";
import type { ShopProduct } from "./port.ts";
import type { Prices } from "./price-changes.ts";

export interface PricedLine {
  readonly sku_id: string;
  readonly quantity: number;
  /** Null if it is not sold (any more). */
  readonly product: ShopProduct | null;
  readonly problem: "not_sold" | "gone" | "short" | "other_currency" | null;
}

export interface PricedCart {
  readonly lines: readonly PricedLine[];
  readonly currency: string;
  /** Of the lines in this currency. */
  readonly total_cents: number;
  /** Not empty, and no line has a problem. */
  readonly isOrderable: boolean;
}

/** The first sold product gives the currency: one order has one. */
export function priced(cart: Cart, products: ReadonlyMap<string, ShopProduct>): PricedCart {
  const currency =
    cart.map(({ sku_id }) => products.get(sku_id)?.currency).find((found) => found !== undefined) ?? "EUR";
  const lines = cart.map(({ sku_id, quantity }) => {
    const product = products.get(sku_id) ?? null;
    return { sku_id, quantity, product, problem: problemOf(product, quantity, currency) };
  });
  const sold = lines.flatMap(({ product, quantity }) =>
    product?.currency === currency ? [{ quantity, unit_price_cents: product.unit_price_cents }] : [],
  );
  const isOrderable = lines.length > 0 && lines.every(({ problem }) => problem === null);
  return { lines, currency, total_cents: totalCents(sold), isOrderable };
}

/** The unit prices of its lines, as shown. */
export function pricesIn({ lines }: PricedCart): Prices {
  return new Map(
    lines.flatMap(({ sku_id, product }) => (product === null ? [] : [[sku_id, product.unit_price_cents]])),
  );
}

/** The cart with what is in stock: less of it, or without a line. */
export function fitted(cart: Cart, products: ReadonlyMap<string, ShopProduct>): Cart {
  return cart
    .map((line) => ({
      ...line,
      quantity: Math.min(line.quantity, products.get(line.sku_id)?.available_count ?? 0),
    }))
    .filter(({ quantity }) => quantity > 0);
}

function problemOf(product: ShopProduct | null, quantity: number, currency: string): PricedLine["problem"] {
  if (product === null) return "not_sold";
  if (product.currency !== currency) return "other_currency";
  if (product.available_count === 0) return "gone";
  return product.available_count < quantity ? "short" : null;
}
