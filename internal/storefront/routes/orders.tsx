// The shopper's orders.
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../../schemas/fields.ts";
import { withAdded } from "../cart.ts";
import { CancelUnanswered, type Cancelling, Order, Orders } from "../pages/orders.tsx";
import { AppError } from "../../kernel/errors.ts";
import type { PlacedOrder, ShopProduct } from "../port.ts";
import { LOOK_AGAIN, page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import { isCancelling } from "../status.ts";
import { cartCookie, type Visit } from "../visit.ts";
import { NotFound, openCheckouts, type ShopRoute, signInFirst, withoutAnswer } from "./route.ts";

export const orderRoutes: readonly ShopRoute[] = [
  { method: "GET", path: "/orders", name: "orders", handle: orders },
  { method: "GET", path: "/orders/:id", name: "order", handle: order },
  { method: "POST", path: "/orders/:id/again", name: "order_again", handle: orderAgain, pageOf: orderPath },
  {
    method: "POST",
    path: "/orders/:id/cancel",
    name: "order_cancel",
    handle: orderCancel,
    pageOf: orderPath,
  },
];

function orderPath({ id = "" }: Readonly<Record<string, string>>): string {
  return `/orders/${encodeURIComponent(id)}`;
}

async function orders(visit: Visit): Promise<Response> {
  if (visit.userId === null) return signInFirst(visit);
  const cursor = visit.query.get("after");
  const after = Value.Check(Uuid, cursor) ? cursor : undefined;
  const [found, open] = await Promise.all([
    visit.options.data.orders(visit.userId, after),
    openCheckouts(visit),
  ]);
  const [products, cancelling] = await Promise.all([
    productsOf(visit, found.items),
    cancellingOf(visit, visit.userId, found.items),
  ]);
  const isLater = after !== undefined;
  const parts = { page: found, products, cancelling, open, isLater };
  return page(visit, <Orders frame={visit} {...parts} />);
}

async function order(visit: Visit): Promise<Response> {
  if (visit.userId === null) return signInFirst(visit);
  const found = await ownOrder(visit, visit.userId);
  const [products, cancelling] = await Promise.all([
    productsOf(visit, [found]),
    cancellationOf(visit, visit.userId, found),
  ]);
  const content = <Order frame={visit} order={found} products={products} cancelling={cancelling} />;
  return page(visit, content, cancelling === "in_progress" ? { headers: LOOK_AGAIN } : {});
}

/** The checkouts of the orders that are being cancelled. Without an answer the list shows what the orders know. */
function cancellingOf(
  visit: Visit,
  userId: string,
  placed: readonly PlacedOrder[],
): Promise<ReadonlySet<string>> {
  const packed = placed.filter(({ status }) => status === "CONFIRMED").map(({ saga_id }) => saga_id);
  return withoutAnswer(visit, visit.options.data.cancelling(userId, packed), new Set<string>());
}

/** Without the orchestrator nothing can be cancelled, and nobody can say whether it was begun: the page says that. */
async function cancellationOf(
  visit: Visit,
  userId: string,
  { saga_id, status }: PlacedOrder,
): Promise<Cancelling> {
  if (status !== "CONFIRMED") return "no";
  const asked = visit.options.data.status(saga_id, userId);
  const checkout = await withoutAnswer(visit, asked, "unknown" as const);
  if (checkout === "unknown") return "unknown";
  if (checkout?.status !== "COMPLETED") return "no";
  return isCancelling(checkout, status) ? "in_progress" : "possible";
}

/** The order's page shows the outcome: it is being cancelled, or it is on its way. */
async function orderCancel(visit: Visit): Promise<Response> {
  const id = visit.params["id"] ?? "";
  if (!Value.Check(Uuid, id)) throw new NotFound();
  if (visit.userId === null) return signInFirst(visit);
  try {
    await visit.options.data.cancelOrder(visit.userId, id);
  } catch (error) {
    if (!(error instanceof AppError && error.canRetry)) throw error;
    visit.options.onError(error, visit.request);
    return page(visit, <CancelUnanswered frame={visit} />, { status: 503 });
  }
  return seeOther(visit.here);
}

/** Adds the same lines to the cart, at today's prices. */
async function orderAgain(visit: Visit): Promise<Response> {
  if (visit.userId === null) return signInFirst(visit);
  const { items } = await ownOrder(visit, visit.userId);
  const cart = items.reduce((lines, { sku_id, quantity }) => withAdded(lines, sku_id, quantity), visit.cart);
  return seeOther("/cart", [cartCookie(cart)]);
}

async function ownOrder({ params, options }: Visit, userId: string): Promise<PlacedOrder> {
  const id = params["id"] ?? "";
  const found = Value.Check(Uuid, id) ? await options.data.order(userId, id) : null;
  if (found === null) throw new NotFound();
  return found;
}

async function productsOf(
  { options }: Visit,
  placed: readonly PlacedOrder[],
): Promise<ReadonlyMap<string, ShopProduct>> {
  const skus = [...new Set(placed.flatMap(({ items }) => items.map(({ sku_id }) => sku_id)))];
  return skus.length === 0 ? new Map() : options.data.productsBySku(skus);
}
