// The order service's HTTP API: the gateway reads a shopper's orders, operators ship them and record deliveries. It authenticates no
// users, so it listens on a private address; the gateway says whose orders it wants. Errors are RFC 9457 problems. Served by cmd/order.
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { Uuid } from "../../../schemas/fields.ts";
import {
  DeliverOrder,
  type OrderPage,
  type OrderView,
  type Problem,
  type ShipmentRecorded,
  ShipOrder,
} from "../../../schemas/http.ts";
import { queryReader, type ReadQuery } from "../../../schemas/query.ts";
import { describeError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { Database } from "../../messaging/database.ts";
import { findOrder, listOrders } from "./order-view-store.ts";
import { recordShipment, type ShipOptions } from "./ship.ts";
import type { ShipmentRequest } from "./shipment.ts";

const DEFAULT_PAGE_ORDERS = 20;
const MAX_PAGE_ORDERS = 100;
/** The longest request, with escapes, stays well below. */
const MAX_BODY_BYTES = 32 * 1_024;
const MAX_FAULTS_TOLD = 20;
const RETRY_AFTER_SECONDS = 1;

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
  readonly log: Pick<Log, "info" | "error">;
}

export function orderApi(options: OrderApiOptions) {
  const { database, log } = options;
  const { sql } = database;
  const record = (id: string, request: ShipmentRequest) => recorded(options, orderIdOf(id), request);
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ code, error, path }) => {
      const problem = problemOf(code, error, database);
      if (problem.status >= 500)
        log.error({ err: error, path }, `order request failed: ${describeError(error)}`);
      return answer(problem, path);
    })
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
      async ({ params, request }) =>
        record(params.id, { kind: "ship", ...(await bodyOf(request, shipOrder)) }),
      { parse: "none" },
    )
    .post(
      "/orders/:id/deliver",
      async ({ params, request }) =>
        record(params.id, { kind: "deliver", ...(await bodyOf(request, deliverOrder)) }),
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
  if (decision.kind === "refused") throw new Refused({ ...CONFLICT, detail: decision.reason });
  const { order_id, saga_id, status, tracking } = shipment;
  return { changed: decision.kind === "changed", order_id, saga_id, status, tracking };
}

const NOT_FOUND: Problem = { type: "about:blank", title: "Not Found", status: 404 };
const CONFLICT: Problem = { type: "about:blank", title: "Conflict", status: 409 };
const INVALID: Problem = { type: "about:blank", title: "Unprocessable Content", status: 422 };
const NOT_JSON: Problem = {
  type: "about:blank",
  title: "Bad Request",
  status: 400,
  detail: "the body is not JSON",
};

/** A rejected request; `onError` turns it into the response. */
class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options?: { readonly cause?: unknown }) {
    super(problem.detail ?? problem.title, options);
    this.problem = problem;
  }
}

function noSuchOrder(orderId: string): Refused {
  return new Refused({ ...NOT_FOUND, detail: `there is no order ${orderId}` });
}

/** Names the field and the reason, never the value. */
function invalid(faults: Iterable<{ readonly path: string; readonly message: string }>): Refused {
  const errors = [...faults].slice(0, MAX_FAULTS_TOLD).map(({ path, message }) => ({ path, message }));
  return new Refused({ ...INVALID, errors });
}

function orderIdOf(text: string): string {
  if (Value.Check(Uuid, text)) return text;
  throw invalid([{ path: "/order_id", message: "is not a lower-case UUID" }]);
}

function queryOf<Query>(read: ReadQuery<Query>): Query {
  if ("faults" in read) throw invalid(read.faults);
  return read.query;
}

async function bodyOf<Schema extends TSchema>(
  request: Request,
  check: TypeCheck<Schema>,
): Promise<Static<Schema>> {
  const body: unknown = await request.json().catch((cause: unknown) => {
    throw new Refused(NOT_JSON, { cause });
  });
  if (check.Check(body)) return body;
  throw invalid(check.Errors(body));
}

function problemOf(code: string | number, error: unknown, database: Database): Problem {
  if (error instanceof Refused) return error.problem;
  if (code === "NOT_FOUND") return NOT_FOUND;
  if (database.faultOf(error) !== "other") {
    const detail = "the orders are unavailable, try again";
    return { type: "about:blank", title: "Service Unavailable", status: 503, detail };
  }
  return { type: "about:blank", title: "Internal Server Error", status: 500 };
}

function answer(problem: Problem, instance: string): Response {
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (problem.status === 503) headers.set("retry-after", String(RETRY_AFTER_SECONDS));
  return new Response(JSON.stringify({ ...problem, instance }), { status: problem.status, headers });
}
