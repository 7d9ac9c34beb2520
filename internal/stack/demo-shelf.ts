// What the demo's shoppers buy: the plentiful products of the demo shop, and a teapot that half of those who want it do not get. Each
// demo leaves enough on the shelves for a visitor, however often it is repeated. Pure. Called by demo.ts.
import { cartOf } from "../../bench/shopper.ts";
import type { CatalogueItem, CheckoutRequest, RestockRequest } from "../../schemas/http.ts";

type RestockItem = RestockRequest["items"][number];
type ShopItem = Omit<RestockItem, "stock_total"> & { readonly stock_total?: number | undefined };

const DEMO_CURRENCY = "EUR";
/** The demo shop has some products of which there are few, for its pages. Those stay as they are. */
const PLENTIFUL = 100;
/** Left of each product after the demo. */
const LEFT_FOR_VISITORS = 20;

/** Not in demo-shop.csv: an import of that file would put it back on the shelf. */
const LIMITED: Omit<RestockItem, "stock_total"> & { readonly sku_id: string } = {
  sku_id: "teapot-anniversary",
  category: "Ceramics",
  name: "Anniversary Teapot, Limited Edition",
  names: { de: "Jubiläumskanne, limitierte Auflage" },
  unit_price_cents: 8_900,
  currency: DEMO_CURRENCY,
  description: "A numbered teapot with a hand-painted blossom branch. One firing, and no second one.",
  descriptions: {
    de: "Eine nummerierte Teekanne mit handgemaltem Blütenzweig. Ein einziger Brand, und kein zweiter.",
  },
};

export interface Shelf {
  /** What to put into the catalogue before the first checkout. */
  readonly restock: readonly RestockItem[];
  readonly carts: readonly CheckoutRequest[];
}

/** `shop`: the products of demo-shop.csv. `stored`: the catalogue with its totals. */
export function shelfFor(orders: number, shop: readonly ShopItem[], stored: readonly CatalogueItem[]): Shelf {
  const before = new Map(stored.map((item) => [item.sku_id, item]));
  const plenty = shop
    .filter(({ sku_id, stock_total = 0 }) => {
      const currency = before.get(sku_id)?.currency ?? DEMO_CURRENCY;
      return stock_total >= PLENTIFUL && currency === DEMO_CURRENCY;
    })
    .map(({ sku_id }) => sku_id);
  const carts = Array.from({ length: orders }, (_, index) => cartFor(index, plenty));
  const demand = new Map<string, number>();
  for (const { items } of carts)
    for (const { sku_id, quantity } of items) demand.set(sku_id, (demand.get(sku_id) ?? 0) + quantity);
  const limited = Math.floor((demand.get(LIMITED.sku_id) ?? 0) / 2);
  return {
    carts,
    restock: [
      ...shop.flatMap((item) => restockOf(item, demand.get(item.sku_id) ?? 0, before.get(item.sku_id))),
      { ...LIMITED, stock_total: takenOf(before.get(LIMITED.sku_id)) + limited },
    ],
  };
}

/** Every tenth shopper wants the limited teapot, every tenth has a card that is declined, the others succeed. */
function cartFor(index: number, plenty: readonly string[]): CheckoutRequest {
  const isLimited = index % 10 === 3;
  const card = index % 10 === 7 ? "pm_card_visa_chargeDeclined" : "pm_card_visa";
  const pick = (place: number) => plenty[place % plenty.length] ?? LIMITED.sku_id;
  const skus = isLimited ? [LIMITED.sku_id] : [...new Set([pick(index), pick(index * 7 + 3)])];
  return cartOf(skus, card, DEMO_CURRENCY);
}

/** A product that is there changes only if the demo needs more of it; name, price and texts may be an operator's. */
function restockOf(item: ShopItem, wanted: number, before: CatalogueItem | undefined): RestockItem[] {
  const needed = wanted === 0 ? 0 : wanted + LEFT_FOR_VISITORS;
  if (before === undefined) return [{ ...item, stock_total: Math.max(item.stock_total ?? 0, needed) }];
  if (before.available_count >= needed) return [];
  const { sku_id, name, unit_price_cents, currency } = before;
  return [{ sku_id, name, unit_price_cents, currency, stock_total: takenOf(before) + needed }];
}

/** Pieces that are sold or reserved. */
function takenOf(item: CatalogueItem | undefined): number {
  return item === undefined ? 0 : (item.stocked_count ?? item.available_count) - item.available_count;
}
