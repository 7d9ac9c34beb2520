// What a restock changes, given what is stored.
import { expect, test } from "bun:test";
import { planRestock, type RestockItem, type StoredProduct } from "./catalogue-plan.ts";

const shelf = { sku_id: "tea", name: "Tea", unit_price_cents: 250, currency: "EUR" };
const texts = {
  category: "Tea",
  description: "Good",
  names: { de: "Tee", fr: "Thé" },
  categories: { de: "Tee" },
  picture: "/tea.webp",
};
const noTexts = {
  sku_id: "tea",
  category: null,
  description: null,
  names: null,
  descriptions: null,
  categories: null,
  picture: null,
};

/** 50 were stocked, 12 of them are sold or reserved. */
const stored: StoredProduct = { item: { ...shelf, available_count: 38, ...texts }, stocked_count: 50 };

const plan = (item: RestockItem, before?: StoredProduct) =>
  planRestock([item], new Map(before === undefined ? [] : [[item.sku_id, before]]));

test("a new product", () => {
  expect(plan({ ...shelf, stock_total: 9, category: "Tea" })).toEqual({
    adds: [],
    totals: [{ ...shelf, stock: 9 }],
    texts: [{ ...noTexts, category: "Tea" }],
    changes: { created: 1, changed: 0, unchanged: 0, stock_added: 9, stock_removed: 0 },
    faults: [],
  });
});

test("a new product without stock and texts", () => {
  expect(plan(shelf)).toMatchObject({ adds: [{ ...shelf, stock: 0 }], texts: [], changes: { created: 1 } });
});

test.each<[string, RestockItem]>([
  ["the same file again", { ...shelf, stock_total: 50, ...texts }],
  ["languages in another order", { ...shelf, names: { fr: "Thé", de: "Tee" } }],
  ["nothing but name and price", shelf],
  ["a delivery of nothing", { ...shelf, add_count: 0 }],
  ["descriptions that were never there", { ...shelf, descriptions: null }],
  ["descriptions in no language", { ...shelf, descriptions: {} }],
])("writes nothing: %s", (_, item) => {
  expect(plan(item, stored)).toEqual({
    adds: [],
    totals: [],
    texts: [],
    changes: { created: 0, changed: 0, unchanged: 1, stock_added: 0, stock_removed: 0 },
    faults: [],
  });
});

test.each<[string, RestockItem, object]>([
  [
    "a price",
    { ...shelf, unit_price_cents: 300 },
    { adds: [{ stock: 0, unit_price_cents: 300 }], texts: [] },
  ],
  ["a delivery", { ...shelf, add_count: 5 }, { adds: [{ stock: 5 }], changes: { stock_added: 5 } }],
  [
    "a higher total",
    { ...shelf, stock_total: 70 },
    { totals: [{ stock: 70 }], changes: { stock_added: 20 } },
  ],
  [
    "a lower total",
    { ...shelf, stock_total: 12 },
    { totals: [{ stock: 12 }], changes: { stock_removed: 38 } },
  ],
  [
    "a text alone leaves the stock row alone",
    { ...shelf, category: "Gifts" },
    { adds: [], totals: [], texts: [{ category: "Gifts", description: "Good" }] },
  ],
  ["a removed text", { ...shelf, description: null }, { texts: [{ description: null, category: "Tea" }] }],
  [
    "another category in a language",
    { ...shelf, categories: { de: "Grüntee" } },
    { texts: [{ categories: { de: "Grüntee" } }] },
  ],
  ["a removed language", { ...shelf, names: { de: "Tee" } }, { texts: [{ names: { de: "Tee" } }] }],
])("changes only what differs: %s", (_, item, expected) => {
  expect(plan(item, stored)).toMatchObject({ ...expected, faults: [] });
  expect(plan(item, stored).changes.changed).toBe(1);
});

test("a total below what is sold or reserved is a fault", () => {
  expect(plan({ ...shelf, stock_total: 11 }, stored).faults).toEqual([
    { path: "/items/0/stock_total", message: "is less than the 12 pieces that are sold or reserved" },
  ]);
});

test("one piece is named as one", () => {
  const one: StoredProduct = { item: { ...shelf, available_count: 0 }, stocked_count: 1 };
  expect(plan({ ...shelf, stock_total: 0 }, one).faults).toMatchObject([
    { message: "is less than the 1 piece that is sold or reserved" },
  ]);
});

test("one item cannot both add and set stock", () => {
  expect(plan({ ...shelf, stock_total: 60, add_count: 1 }, stored).faults).toEqual([
    { path: "/items/0/stock_total", message: "stands beside add_count: give one of the two" },
  ]);
});
