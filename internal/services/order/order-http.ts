// The order service's HTTP API: the gateway reads a shopper's orders, operators ship them and record deliveries. Each proves
// itself with a token; the gateway says whose orders it wants. Errors are RFC 9457 problems. Served by cmd/order.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { Uuid } from "../../../schemas/fields.ts";
import {
  DeliverOrder,
  type OrderPage,
  type OrderView,
  type ShipmentRecorded,
  ShipOrder,
} from "../../../schemas/http.ts";
import { queryReader } from "../../../schemas/query.ts";
import { type Access, Denied } from "../../kernel/actor.ts";
import { describeError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/telemetry.ts";
import {
  bodyOf,
  invalid,
  problemOf,
  problemResponse,
  queryOf,
  type Refused,
  refused,
} from "../../../schemas/problems.ts";
import { findOrder, listOrders } from "./order-view-store.ts";
import { recordShipment, type ShipOptions } from "./ship.ts";
import type { ShipmentRequest } from "./shipment.ts";

const DEFAULT_PAGE_ORDERS = 20;
const MAX_PAGE_ORDERS = 100;
/** The longest request, with escapes, stays well below. */
const MAX_BODY_BYTES = 32 * 1_024;

const strict = { additionalProperties: false } as const;
const pageQuery = queryReader(
  Type.Object(
    {
      user_id: Uuid,
      after: Type.Optional(Uuid),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_ORDERS })),
    },
    strict,
  ),
);
const ownerQuery = queryReader(Type.Object({ user_id: Uuid }, strict));
const shipOrder = TypeCompiler.Compile(ShipOrder);
const deliverOrder = TypeCompiler.Compile(DeliverOrder);

export interface OrderApiOptions extends ShipOptions {
  readonly access: Access;
  readonly log: Pick<Log, "info" | "error">;
}

export function orderApi(options: OrderApiOptions) {
  const { access, database, log } = options;
  const { sql } = database;
  const record = (id: string, request: ShipmentRequest) => recorded(options, orderIdOf(id), request);
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ code, error, path }) => {
      if (error instanceof Denied) return problemResponse(refused(error.status, error.message).problem, path);
      const unavailable = database.faultOf(error) === "other" ? null : "the orders";
      const problem = problemOf({ code, error, unavailable });
      if (problem.status >= 500)
        log.error({ err: error, path }, `order request failed: ${describeError(error)}`);
      return problemResponse(problem, path);
    })
    .resolve(async ({ request, route }) => ({ actor: await access.admit(request, route) }))
    .get("/orders", async ({ request }): Promise<OrderPage> => {
      const { user_id, after = null, limit = DEFAULT_PAGE_ORDERS } = queryOf(pageQuery(request.url));
      // One extra row shows whether there is a next page.
      const found = await listOrders(sql, user_id, after, limit + 1);
      const orders = found.slice(0, limit);
      return { orders, next: found.length > limit ? (orders.at(-1)?.order_id ?? null) : null };
    })
    .get("/orders/:id", async ({ params, request }): Promise<OrderView> => {
      const order_id = orderIdOf(params.id);
      const { user_id } = queryOf(ownerQuery(request.url));
      const order = await findOrder(sql, user_id, order_id);
      // The same for a stranger's order, so that nobody learns that it exists.
      if (order === undefined) throw noSuchOrder(order_id);
      return order;
    })
    .post(
      "/orders/:id/ship",
      async ({ actor, params, request }) =>
        record(params.id, { ...(await bodyOf(request, shipOrder)), kind: "ship", actor: actor.name }),
      { parse: "none" },
    )
    .post(
      "/orders/:id/deliver",
      async ({ actor, params, request }) =>
        record(params.id, { ...(await bodyOf(request, deliverOrder)), kind: "deliver", actor: actor.name }),
      { parse: "none" },
    );
}

async function recorded(
  options: ShipOptions,
  orderId: string,
  request: ShipmentRequest,
): Promise<ShipmentRecorded> {
  const result = await recordShipment(options, orderId, request);
  if (result === null) throw noSuchOrder(orderId);
  const { decision, shipment } = result;
  if (decision.kind === "refused") throw refused(409, decision.reason);
  const { order_id, saga_id, status, tracking } = shipment;
  return { changed: decision.kind === "changed", order_id, saga_id, status, tracking };
}

function noSuchOrder(orderId: string): Refused {
  return refused(404, `there is no order ${orderId}`);
}

function orderIdOf(text: string): string {
  if (Value.Check(Uuid, text)) return text;
  throw invalid([{ path: "/order_id", message: "is not a lower-case UUID" }]);
}
