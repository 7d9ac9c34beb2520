// Which lines of a checkout cost something else than its form had shown. The form carries the prices that it shows, a cookie keeps them
// with the placed checkout, and the catalogue has today's. Each side must add up to a total that is known otherwise: the one that the
// shopper agreed to, and the one that the checkout found. Where one does not, nobody can say which line it was. Pure. Called by
// routes/checkout.tsx, placed.ts and routes/status.tsx.
import { totalCents } from "../kernel/money.ts";
import type { Cart, CartLine } from "./cart.ts";
import type { CheckoutStatus, ShopProduct } from "./port.ts";

/** Unit prices by SKU, in minor units of the cart's currency. */
export type Prices = ReadonlyMap<string, number>;

export interface PriceChange {
  readonly sku_id: string;
  readonly old_cents: number;
  readonly new_cents: number;
}

/** `1400~4900`: the prices in the order of the SKUs, which is the same for every order of the lines. */
export function pricesText(cart: Cart, prices: Prices): string {
  return sorted(cart)
    .map(({ sku_id }) => prices.get(sku_id) ?? "")
    .join("~");
}

/** Null if the text, which comes from the browser, has not one price for each line. */
export function pricesFrom(text: string, cart: Cart): Prices | null {
  const lines = sorted(cart);
  const parts = text.split("~");
  if (parts.length !== lines.length || !parts.every((part) => /^\d{1,16}$/.test(part))) return null;
  return new Map(lines.map(({ sku_id }, at) => [sku_id, Number(parts[at])]));
}

/** Null if a line has no price. */
export function totalAt(cart: Cart, prices: Prices): number | null {
  const lines = cart.map(({ sku_id, quantity }) => ({ quantity, unit_price_cents: prices.get(sku_id) }));
  if (!lines.every(isPriced)) return null;
  return totalCents(lines);
}

/** The lines whose price has changed; none if it is not certain which. `shown`: the prices that the shopper agreed to. */
export function priceChanges(
  { new_total_cents, currency }: CheckoutStatus,
  cart: Cart,
  shown: Prices | null,
  products: ReadonlyMap<string, ShopProduct>,
): readonly PriceChange[] {
  const today = new Map(
    [...products.values()]
      .filter((product) => product.currency === currency)
      .map(({ sku_id, unit_price_cents }) => [sku_id, unit_price_cents]),
  );
  if (shown === null || new_total_cents === undefined || totalAt(cart, today) !== new_total_cents) return [];
  return cart.flatMap(({ sku_id }) => {
    const [old_cents, new_cents] = [shown.get(sku_id), today.get(sku_id)];
    if (old_cents === undefined || new_cents === undefined || old_cents === new_cents) return [];
    return [{ sku_id, old_cents, new_cents }];
  });
}

function isPriced<Line extends { readonly unit_price_cents: number | undefined }>(
  line: Line,
): line is Line & { readonly unit_price_cents: number } {
  return line.unit_price_cents !== undefined;
}

function sorted(cart: Cart): readonly CartLine[] {
  return cart.toSorted((a, b) => (a.sku_id < b.sku_id ? -1 : 1));
}
