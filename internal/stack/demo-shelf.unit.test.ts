// What the demo sells: enough of each product, half of the limited one, and a shop that looks the same after many demos.
import { expect, test } from "bun:test";
import type { CatalogueItem } from "../../schemas/http.ts";
import { readDemoShop } from "../operations/demo-shop.ts";
import { type Shelf, shelfFor } from "./demo-shelf.ts";

const LIMITED = "teapot-anniversary";
const shop = (await readDemoShop()).map(({ item }) => item);

/** The catalogue after the restock, without the pieces that `sold` counts. */
function stocked(before: readonly CatalogueItem[], { restock }: Shelf): Map<string, CatalogueItem> {
  const catalogue = new Map(before.map((item) => [item.sku_id, item]));
  for (const { sku_id, name, unit_price_cents, currency, stock_total = 0 } of restock) {
    const old = catalogue.get(sku_id);
    const taken = old === undefined ? 0 : (old.stocked_count ?? 0) - old.available_count;
    const available_count = stock_total - taken;
    catalogue.set(sku_id, {
      sku_id,
      name,
      unit_price_cents,
      currency,
      available_count,
      stocked_count: stock_total,
    });
  }
  return catalogue;
}

/** Sells what the carts want as far as it is there; the cards of every tenth are declined. Returns how many were short. */
function sell(catalogue: Map<string, CatalogueItem>, { carts }: Shelf): number {
  let short = 0;
  for (const { items, payment_method } of carts) {
    const lines = items.map(({ sku_id, quantity }) => ({ quantity, item: catalogue.get(sku_id) }));
    const isThere = lines.every(({ item, quantity }) => (item?.available_count ?? 0) >= quantity);
    if (!isThere) short += 1;
    if (!isThere || payment_method !== "pm_card_visa") continue;
    for (const { item, quantity } of lines)
      if (item !== undefined)
        catalogue.set(item.sku_id, { ...item, available_count: item.available_count - quantity });
  }
  return short;
}

test.each([40, 200, 5_000])(
  "of %d orders only those of the limited teapot fail, half of them, at each of ten demos in a row",
  (orders) => {
    let catalogue: readonly CatalogueItem[] = [];
    for (let demo = 0; demo < 10; demo++) {
      const shelf = shelfFor(orders, shop, catalogue);
      const after = stocked(catalogue, shelf);
      expect(sell(after, shelf)).toBe(orders / 20);
      catalogue = [...after.values()];
      expect(after.get(LIMITED)?.available_count).toBe(0);
      expect(catalogue).toHaveLength(61);
      const left = shop.map(({ sku_id, stock_total = 0 }) => [stock_total, after.get(sku_id)] as const);
      for (const [total, item] of left)
        expect(item?.available_count).toBeGreaterThanOrEqual(Math.min(total, 20));
    }
  },
);

test("the products of which there are few are not bought", () => {
  const { carts } = shelfFor(1_000, shop, []);
  const bought = new Set(carts.flatMap(({ items }) => items.map(({ sku_id }) => sku_id)));
  const few = shop.filter(({ stock_total = 0 }) => stock_total < 100).map(({ sku_id }) => sku_id);
  expect(few).toContain("jam-quince");
  expect(few.filter((sku) => bought.has(sku))).toEqual([]);
  expect(bought.size).toBeGreaterThan(30);
});

test("a product that is there keeps an operator's name and price, also when it gets more stock", () => {
  const sku_id = "tea-assam-100";
  const changed = { sku_id, name: "Assam", unit_price_cents: 1, currency: "EUR", stocked_count: 50 };
  const enough = shelfFor(40, shop, [{ ...changed, stocked_count: 900, available_count: 900 }]);
  expect(enough.restock.find((item) => item.sku_id === sku_id)).toBeUndefined();
  const empty = shelfFor(40, shop, [{ ...changed, available_count: 0 }]);
  const restocked = empty.restock.find((item) => item.sku_id === sku_id);
  expect(restocked).toMatchObject({ name: "Assam", unit_price_cents: 1 });
  expect(restocked?.stock_total).toBeGreaterThan(70);
});
