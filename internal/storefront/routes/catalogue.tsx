// Products and the cart.
import { Value } from "@sinclair/typebox/value";
import { SkuId } from "../../../schemas/fields.ts";
import { type Cart, pieces, withAdded, withQuantity } from "../cart.ts";
import { CartPage } from "../pages/cart.tsx";
import { Product } from "../pages/product.tsx";
import { Products } from "../pages/products.tsx";
import { settlePlaced, startedAnew } from "../placed.ts";
import { fitted, priced } from "../priced-cart.ts";
import { json, page, seeOther } from "../respond.ts";
import { cartCookie, ownPath, type Visit } from "../visit.ts";
import type { Words } from "../words/words.ts";
import { NotFound, openCheckouts, type ShopRoute } from "./route.ts";

const MAX_SEARCH_LENGTH = 100;
const SIMILAR = 4;

export const catalogueRoutes: readonly ShopRoute[] = [
  { method: "GET", path: "/", name: "products", handle: products },
  { method: "GET", path: "/products/:sku", name: "product", handle: product },
  { method: "GET", path: "/cart", name: "cart", handle: cartPage },
  { method: "POST", path: "/cart", name: "cart_add", handle: addToCart },
  { method: "POST", path: "/cart/quantity", name: "cart_quantity", handle: changeQuantity },
  { method: "POST", path: "/cart/fit", name: "cart_fit", handle: fitCart },
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
      said={saidOf(visit)}
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
  const content = <Product frame={visit} product={found} similar={similar} said={saidOf(visit)} />;
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
  const cart = withAdded(visit.cart, sku, quantityOf(form.get("quantity") ?? "1") ?? 1);
  const result = pieces(cart) > visit.cartPieces ? "added" : "full";
  if (request.headers.get("accept") === "application/json") {
    const count = pieces(cart);
    return json({ count, text: resultText(words, result, count) }, [...cookies, cartCookie(cart)]);
  }
  const back = ownPath(form.get("back"), "/cart");
  return seeOther(withResult(back, result), [...cookies, cartCookie(cart)]);
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

type AddResult = "added" | "full";

function resultText({ shop }: Words, result: AddResult, count: number): string {
  return result === "added" ? shop.added(count) : shop.full;
}

function withResult(path: string, result: AddResult): string {
  const old = /([?&])(?:added|full)=1/;
  return old.test(path)
    ? path.replace(old, `$1${result}=1`)
    : `${path}${path.includes("?") ? "&" : "?"}${result}=1`;
}

function saidOf({ query, words, cartPieces }: Visit): string | undefined {
  const result = (["added", "full"] as const).find((name) => query.has(name));
  return result === undefined ? undefined : resultText(words, result, cartPieces);
}

/** Null for anything but digits. */
function quantityOf(text: string): number | null {
  return /^\d{1,4}$/.test(text) ? Number(text) : null;
}
