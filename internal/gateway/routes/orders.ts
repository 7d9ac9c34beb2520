// GET /api/v1/orders and /api/v1/orders/:id: the shopper's own orders; POST /api/v1/orders/:id/cancel cancels one. Composed by app.ts.
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../../schemas/fields.ts";
import { OrderCancellationView, OrderPage, OrderView } from "../../../schemas/http.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import { cancelOrder } from "../cancel-order.ts";
import type { OrchestratorClient } from "../orchestrator-client.ts";
import type { OrderClient } from "../order-client.ts";
import { ProblemError, STATUS_ACCEPTED } from "../problem.ts";
import { idOf, NO_STORE, strictQuery } from "./reading.ts";
import type { Route, ShopperCall } from "./route.ts";

const DEFAULT_PAGE_ORDERS = 20;
const MAX_PAGE_ORDERS = 100;

const PageQuery = Type.Object(
  {
    after: Type.Optional({ ...Uuid, description: "`next` of the page before." }),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_PAGE_ORDERS, default: DEFAULT_PAGE_ORDERS }),
    ),
  },
  { additionalProperties: false },
);
const pageQuery = strictQuery(PageQuery);

export interface OrderOptions {
  readonly orders: Pick<OrderClient, "page" | "order">;
  readonly orchestrator: Pick<OrchestratorClient, "cancelOrder">;
}

const params = { id: { description: "`order_id` of the order.", schema: Uuid } };

export function orderRoutes(options: OrderOptions): readonly Route[] {
  const { orders } = options;
  return [
    {
      method: "GET",
      path: "/api/v1/orders",
      operationId: "listOrders",
      tag: "orders",
      summary: "A page of the shopper's orders, newest first",
      access: "shopper",
      query: PageQuery,
      answers: {
        200: {
          description: "The page.",
          schema: OrderPage,
          headers: NO_STORE,
          links: {
            order: { operationId: "order", parameters: { id: "$response.body#/orders/0/order_id" } },
            next: { operationId: "listOrders", parameters: { after: "$response.body#/next" } },
          },
        },
      },
      problems: ["invalid-query", "service-unavailable"],
      handle: (call) => page(orders, call),
    },
    {
      method: "GET",
      path: "/api/v1/orders/:id",
      operationId: "order",
      tag: "orders",
      summary: "One of the shopper's orders",
      access: "shopper",
      params,
      answers: { 200: { description: "The order.", schema: OrderView, headers: NO_STORE } },
      problems: ["not-found", "service-unavailable"],
      handle: (call) => one(orders, call),
    },
    {
      method: "POST",
      path: "/api/v1/orders/:id/cancel",
      operationId: "cancelOrder",
      tag: "orders",
      summary: "Cancel an order that is not sent",
      description:
        "The order is cancelled, the whole payment refunded, and the shopper gets a mail. `CANCELLING` says that it has begun; the order itself tells how it ended: CANCELLED, or SHIPPED if its parcel was on its way already. Harmless to repeat.",
      access: "shopper",
      params,
      answers: {
        [STATUS_ACCEPTED]: {
          description: "It is being cancelled, or it was cancelled before.",
          schema: OrderCancellationView,
          headers: NO_STORE,
          links: {
            order: { operationId: "order", parameters: { id: "$response.body#/order_id" } },
          },
        },
      },
      problems: ["not-found", "not-cancellable", "service-unavailable"],
      handle: (call) => cancel(options, call),
    },
  ];
}

async function page(orders: OrderOptions["orders"], { request, set, userId }: ShopperCall) {
  const { after, limit = DEFAULT_PAGE_ORDERS } = pageQuery(request.url);
  const found = await orders.page({ userId, after, limit });
  set.headers["cache-control"] = "no-store";
  return Value.Clean(OrderPage, { ...found, orders: found.orders.map(numbered) });
}

async function one(orders: OrderOptions["orders"], { params: { id }, set, userId }: ShopperCall) {
  const found = await orders.order(idOf(id), userId);
  // Another user's order looks exactly like a missing one.
  if (found === null) throw new ProblemError("not-found");
  set.headers["cache-control"] = "no-store";
  return Value.Clean(OrderView, numbered(found));
}

function numbered(order: OrderView): OrderView {
  return { ...order, order_number: orderNumberOf(order.order_id) };
}

async function cancel(options: OrderOptions, { params: { id }, set, userId }: ShopperCall) {
  const cancelled = await cancelOrder(options, idOf(id), userId);
  set.status = STATUS_ACCEPTED;
  set.headers["cache-control"] = "no-store";
  return cancelled;
}
