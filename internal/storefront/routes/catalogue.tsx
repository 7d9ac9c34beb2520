// Products and the cart.
import { Value } from "@sinclair/typebox/value";
import { SkuId } from "../../../schemas/fields.ts";
import { type Cart, pieces, quantityIn, withAdded, withQuantity } from "../cart.ts";
import { CartPage } from "../pages/cart.tsx";
import { Product } from "../pages/product.tsx";
import { Products } from "../pages/products.tsx";
import { FEW } from "../parts/stock.tsx";
import { settlePlaced, startedAnew } from "../placed.ts";
import { fitted, priced } from "../priced-cart.ts";
import { page } from "../respond.ts";
import { json, seeOther } from "../../web/respond.ts";
import { cartCookie, type Visit } from "../visit.ts";
import type { Words } from "../words/words.ts";
import { backOf, NotFound, openCheckouts, type ShopRoute, withoutAnswer } from "./route.ts";

const MAX_SEARCH_LENGTH = 100;
const SIMILAR = 4;

export const catalogueRoutes: readonly ShopRoute[] = [
  { method: "GET", path: "/", name: "products", handle: products },
  { method: "GET", path: "/products/:sku", name: "product", handle: product },
  { method: "GET", path: "/cart", name: "cart", handle: cartPage },
  {
    method: "POST",
    path: "/cart",
    name: "cart_add",
    handle: addToCart,
    pageOf: (_, form) => backOf(form, "/cart"),
  },
  {
    method: "POST",
    path: "/cart/quantity",
    name: "cart_quantity",
    handle: changeQuantity,
    pageOf: () => "/cart",
  },
  { method: "POST", path: "/cart/fit", name: "cart_fit", handle: fitCart, pageOf: () => "/cart" },
];

async function products(asked: Visit): Promise<Response> {
  const search = (asked.query.get("q") ?? "").trim().slice(0, MAX_SEARCH_LENGTH);
  const category = (asked.query.get("category") ?? "").trim().slice(0, MAX_SEARCH_LENGTH);
  const after = asked.query.get("after");
  const [found, open, { visit, cookies }] = await Promise.all([
    asked.options.data.products({
      ...(after !== null && Value.Check(SkuId, after) ? { after } : {}),
      ...(search === "" ? {} : { search }),
      ...(category === "" ? {} : { category }),
    }),
    openCheckouts(asked),
    settlePlaced(asked),
  ]);
  const content = (
    <Products
      frame={visit}
      page={found}
      search={search}
      category={category}
      open={open}
      message={messageOf(visit)}
    />
  );
  return page(visit, content, { cookies });
}

async function product(asked: Visit): Promise<Response> {
  const sku = asked.params["sku"] ?? "";
  if (!Value.Check(SkuId, sku)) throw new NotFound();
  const { visit, cookies } = await settlePlaced(asked);
  const { data } = visit.options;
  const found = (await data.productsBySku([sku])).get(sku);
  if (found === undefined) throw new NotFound();
  const others = await data.products(found.category === undefined ? {} : { category: found.category });
  const similar = others.items.filter(({ sku_id }) => sku_id !== sku).slice(0, SIMILAR);
  const content = <Product frame={visit} product={found} similar={similar} message={messageOf(visit)} />;
  return page(visit, content, { cookies });
}

async function cartPage(asked: Visit): Promise<Response> {
  const [open, { visit, cookies }] = await Promise.all([openCheckouts(asked), settlePlaced(asked)]);
  const cart = priced(visit.cart, await productsIn(visit));
  return page(visit, <CartPage frame={visit} cart={cart} open={open} />, { cookies });
}

/** Where scripts run, the answer is the number for the header; otherwise the page that the button stood on. */
async function addToCart(asked: Visit): Promise<Response> {
  const { form, request, words } = asked;
  const sku = form.get("sku") ?? "";
  if (!Value.Check(SkuId, sku)) throw new NotFound();
  const { visit, cookies } = await startedAnew(asked);
  const wanted = quantityOf(form.get("quantity") ?? "1") ?? 1;
  const { cart, result } = withStock(visit, sku, wanted, await leftOf(visit, sku));
  if (request.headers.get("accept") === "application/json") {
    const count = pieces(cart);
    return json({ count, text: resultText(words, result, count) }, [...cookies, cartCookie(cart)]);
  }
  return seeOther(withResult(visit.here, result), [...cookies, cartCookie(cart)]);
}

/** Adds what is wanted; of a product with few left, what there is. Of others nothing, and no number is told (parts/stock.tsx). */
function withStock(visit: Visit, sku: string, wanted: number, left: number) {
  const had = quantityIn(visit.cart, sku);
  const all = withAdded(visit.cart, sku, wanted);
  const answer = (cart: Cart, ...result: AddResult) => ({ cart, result });
  if (pieces(all) === visit.cartPieces) return answer(visit.cart, "full", "1");
  if (had + wanted <= left) return answer(all, "added", "1");
  if (left > FEW) return answer(visit.cart, "fewer", String(had + wanted));
  const added = Math.max(0, left - had);
  return answer(withAdded(visit.cart, sku, added), "only", String(added));
}

/** Pieces in stock. The cart can be filled while nobody knows: the cart's page and the checkout look again. */
async function leftOf(visit: Visit, sku: string): Promise<number> {
  const found = await withoutAnswer(visit, visit.options.data.productsBySku([sku]), null);
  return found === null ? Infinity : (found.get(sku)?.available_count ?? 0);
}

function changeQuantity(visit: Visit): Response {
  const quantity = quantityOf(visit.form.get("quantity") ?? "");
  const sku = visit.form.get("sku") ?? "";
  const cart: Cart = quantity === null ? visit.cart : withQuantity(visit.cart, sku, quantity);
  return seeOther("/cart", [cartCookie(cart)]);
}

async function fitCart(asked: Visit): Promise<Response> {
  // So the stock is at least as new as the refusal that led here.
  const { visit } = await settlePlaced(asked);
  return seeOther("/cart", [cartCookie(fitted(visit.cart, await productsIn(visit)))]);
}

export async function productsIn({ cart, options }: Visit) {
  return cart.length === 0
    ? new Map<string, never>()
    : options.data.productsBySku(cart.map(({ sku_id }) => sku_id));
}

const RESULTS = ["added", "only", "fewer", "full"] as const;
/** `only`: so many of what was wanted. `fewer`: nothing, for fewer than so many are there. The other two have the value 1. */
type AddResult = readonly [name: (typeof RESULTS)[number], value: string];

function resultText({ shop }: Words, [name, value]: AddResult, count: number): string {
  if (name === "only") return shop.addedOnly(quantityOf(value) ?? 0);
  if (name === "fewer") return shop.addedNone(quantityOf(value) ?? 0);
  return name === "added" ? shop.added(count) : shop.full;
}

function withResult(path: string, result: AddResult): string {
  const url = new URL(path, "http://shop.invalid");
  for (const name of RESULTS) url.searchParams.delete(name);
  url.searchParams.set(...result);
  return url.pathname + url.search;
}

function messageOf({ query, words, cartPieces }: Visit): string | undefined {
  const name = RESULTS.find((one) => query.has(one));
  return name === undefined ? undefined : resultText(words, [name, query.get(name) ?? ""], cartPieces);
}

/** Null for anything but digits. */
function quantityOf(text: string): number | null {
  return /^\d{1,4}$/.test(text) ? Number(text) : null;
}
