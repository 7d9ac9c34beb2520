// The cart: SKUs and quantities in a cookie, no prices. It needs no account and no database row, and it is also carried by the checkout
// form, so that an order never depends on what another tab did to the cookie. Pure.
import { MAX_CART_LINES, MAX_QUANTITY } from "../../schemas/fields.ts";

export interface CartLine {
  readonly sku_id: string;
  readonly quantity: number;
}
export type Cart = readonly CartLine[];

/** `tea!2~mug!1`: characters that a cookie may hold and a SKU may not. 50 of the longest lines stay below 4 KB. */
const LINE = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})!([1-9]\d{0,2})$/;

/** Unreadable lines are dropped: the text comes from the browser. */
export function cartOf(text: string | undefined): Cart {
  const lines: CartLine[] = [];
  for (const part of (text ?? "").split("~")) {
    const [, sku_id, quantity] = LINE.exec(part) ?? [];
    if (sku_id === undefined || lines.some((line) => line.sku_id === sku_id)) continue;
    if (lines.length < MAX_CART_LINES) lines.push({ sku_id, quantity: Number(quantity) });
  }
  return lines;
}

export function cartText(cart: Cart): string {
  return cart.map(({ sku_id, quantity }) => `${sku_id}!${quantity}`).join("~");
}

/** The same for carts with the same lines in any order: it is the same purchase. */
export function purchaseText(cart: Cart): string {
  return cartText(cart.toSorted((a, b) => (a.sku_id < b.sku_id ? -1 : 1)));
}

/** Quantities are limited, and a line beyond the limit is not added. */
export function withAdded(cart: Cart, sku_id: string, quantity: number): Cart {
  if (quantity <= 0) return cart;
  const known = cart.find((line) => line.sku_id === sku_id);
  if (known !== undefined) return withQuantity(cart, sku_id, known.quantity + quantity);
  if (cart.length >= MAX_CART_LINES) return cart;
  return [...cart, { sku_id, quantity: limited(quantity) }];
}

export function quantityIn(cart: Cart, sku_id: string): number {
  return cart.find((line) => line.sku_id === sku_id)?.quantity ?? 0;
}

/** 0 removes the line. */
export function withQuantity(cart: Cart, sku_id: string, quantity: number): Cart {
  if (quantity <= 0) return cart.filter((line) => line.sku_id !== sku_id);
  return cart.map((line) => (line.sku_id === sku_id ? { ...line, quantity: limited(quantity) } : line));
}

export function pieces(cart: Cart): number {
  return cart.reduce((sum, { quantity }) => sum + quantity, 0);
}

function limited(quantity: number): number {
  return Math.min(MAX_QUANTITY, Math.max(1, quantity));
}
