// Which lines of a refused checkout cost something else now, and when the page must not guess.
import { expect, test } from "bun:test";
import { PRODUCTS } from "../testkit/storefront.ts";
import { startedView } from "../testkit/status-view.ts";
import { priceChanges, pricesFrom, pricesText, totalAt } from "./price-changes.ts";

const cart = [
  { sku_id: "teapot-blue", quantity: 1 },
  { sku_id: "mug-red", quantity: 2 },
];
const shown = new Map([
  ["mug-red", 1_300],
  ["teapot-blue", 4_900],
]);
const products = new Map(PRODUCTS.map((product) => [product.sku_id, product]));
const view = (new_total_cents: number) => ({
  ...startedView("saga", "2026-11-29T12:04:00.000Z"),
  new_total_cents,
});

test("prices come back from their text for the same lines in any order, and from no other text", () => {
  const text = pricesText(cart, shown);
  expect(text).toBe("1300~4900");
  expect(pricesFrom(text, cart.toReversed())).toEqual(shown);
  for (const other of ["", "1300", "1300~4900~1", "1300~", "1300~-1", "1300~1e3", `1300~${"9".repeat(17)}`])
    expect(pricesFrom(other, cart)).toBeNull();
});

test("a total needs a price for each line", () => {
  expect(totalAt(cart, shown)).toBe(7_500);
  expect(totalAt([...cart, { sku_id: "lamp-yellow", quantity: 1 }], shown)).toBeNull();
});

test("only the changed lines are told, with both prices", () => {
  expect(priceChanges(view(7_700), cart, shown, products)).toEqual([
    { sku_id: "mug-red", old_cents: 1_300, new_cents: 1_400 },
  ]);
});

test.each([
  ["the catalogue does not add up to what the checkout found", view(7_800), cart, shown],
  ["nobody knows what was shown", view(7_700), cart, null],
  ["the lines are not known", view(7_700), [], shown],
  ["the checkout was refused for something else", { ...view(0), new_total_cents: undefined }, cart, shown],
  ["a price is in another currency", { ...view(7_700), currency: "USD" }, cart, shown],
] as const)("nothing is told when %s", (_, checkout, lines, prices) => {
  const { new_total_cents, ...rest } = checkout;
  const status = new_total_cents === undefined ? rest : { ...rest, new_total_cents };
  expect(priceChanges(status, lines, prices, products)).toEqual([]);
});
