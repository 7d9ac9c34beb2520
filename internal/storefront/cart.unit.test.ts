// The cart in its cookie, the key that is bound to it, and what a browser may send instead of either.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { MAX_CART_LINES, MAX_QUANTITY } from "../../schemas/fields.ts";
import { type Cart, cartOf, cartText, pieces, withAdded, withQuantity } from "./cart.ts";
import { isKeyFor, keyFor } from "./checkout-key.ts";
import { fitted, priced } from "./priced-cart.ts";

const sku = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u);
const carts = fc.uniqueArray(
  fc.record({ sku_id: sku, quantity: fc.integer({ min: 1, max: MAX_QUANTITY }) }),
  {
    selector: ({ sku_id }) => sku_id,
    maxLength: MAX_CART_LINES,
  },
);

test("a cart comes back from its cookie as it was, and fits into one", () => {
  fc.assert(
    fc.property(carts, (cart) => {
      const text = cartText(cart);
      expect(cartOf(text)).toEqual(cart);
      // RFC 6265: no blanks, quotes, commas, semicolons or backslashes.
      expect(text).toMatch(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/);
      expect(text.length).toBeLessThan(4_000);
    }),
  );
});

test("a cookie that holds anything else is read without it", () => {
  expect(cartOf("tea!2~<script>!1~tea!3~mug!0~mug!1000~jug!1~~x")).toEqual([
    { sku_id: "tea", quantity: 2 },
    { sku_id: "jug", quantity: 1 },
  ]);
  expect(cartOf(undefined)).toEqual([]);
  const many = Array.from({ length: 60 }, (_, index) => `s${index}!1`).join("~");
  expect(cartOf(many)).toHaveLength(MAX_CART_LINES);
});

test("adding, changing and removing keep the limits", () => {
  const two = withAdded(withAdded([], "tea", 1), "tea", 2);
  expect(two).toEqual([{ sku_id: "tea", quantity: 3 }]);
  expect(withAdded(two, "tea", 5_000)).toEqual([{ sku_id: "tea", quantity: MAX_QUANTITY }]);
  expect(withQuantity(two, "tea", 0)).toEqual([]);
  const full: Cart = Array.from({ length: MAX_CART_LINES }, (_, index) => ({
    sku_id: `s${index}`,
    quantity: 1,
  }));
  expect(withAdded(full, "one-more", 1)).toBe(full);
  expect(pieces(full)).toBe(MAX_CART_LINES);
});

const offer = {
  cart: [
    { sku_id: "tea", quantity: 2 },
    { sku_id: "mug", quantity: 1 },
  ],
  total_cents: 990,
  currency: "EUR",
};
const UUID = "0190f0c0-0000-7000-8000-000000000001";

test("a key belongs to one cart at one price in one currency", () => {
  const key = keyFor(offer, UUID);
  expect(key).toMatch(/^[\x21-\x7e]{1,200}$/);
  expect(isKeyFor(key, offer)).toBe(true);
  expect(isKeyFor(key, { ...offer, cart: offer.cart.toReversed() })).toBe(true);
  expect(isKeyFor(key, { ...offer, total_cents: 991 })).toBe(false);
  expect(isKeyFor(key, { ...offer, currency: "USD" })).toBe(false);
  expect(isKeyFor(key, { ...offer, cart: offer.cart.slice(1) })).toBe(false);
  expect(isKeyFor("shop-1", offer)).toBe(false);
  expect(keyFor(offer, crypto.randomUUID())).not.toBe(key);
});

test("lines with a problem are named, counted out, and fitted to the stock", () => {
  const product = { name: "x", category: "c", currency: "EUR", unit_price_cents: 500, available_count: 3 };
  const products = new Map([
    ["tea", { ...product, sku_id: "tea" }],
    ["yen", { ...product, sku_id: "yen", currency: "JPY" }],
    ["out", { ...product, sku_id: "out", available_count: 0 }],
  ]);
  const cart = ["tea", "yen", "out", "gone"].map((sku_id) => ({
    sku_id,
    quantity: sku_id === "tea" ? 5 : 1,
  }));
  const result = priced(cart, products);
  expect(result.lines.map(({ problem }) => problem)).toEqual(["short", "other_currency", "gone", "not_sold"]);
  expect([result.currency, result.total_cents, result.isOrderable]).toEqual(["EUR", 3_000, false]);
  expect(fitted(cart, products)).toEqual([
    { sku_id: "tea", quantity: 3 },
    { sku_id: "yen", quantity: 1 },
  ]);
  expect(priced([{ sku_id: "tea", quantity: 3 }], products).isOrderable).toBe(true);
  expect(priced([], products).isOrderable).toBe(false);
});
