// The public API, composed of the routes in routes/. The app verifies the shopper's token, calls the route, and answers what it
// throws as a problem. Called by cmd/gateway.
import { Elysia } from "elysia";
import { AppError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Authenticator } from "./auth.ts";
import { MAX_BODY_BYTES } from "./checkout-request.ts";
import { Cors } from "./cors.ts";
import type { EventStreams } from "./event-streams.ts";
import type { InventoryClient } from "./inventory-client.ts";
import { type GatewayLimits, limitHooks } from "./limits/hooks.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import type { OrderClient } from "./order-client.ts";
import type { PaymentClient } from "./payment-client.ts";
import { ProblemError, problemResponse, STATUS_NO_CONTENT } from "./problem.ts";
import type { RequestTraces } from "./request-traces.ts";
import { checkoutRoutes } from "./routes/checkout.ts";
import { documentRoute, healthRoute } from "./routes/meta.ts";
import { orderRoutes } from "./routes/orders.ts";
import { paymentRoutes } from "./routes/payment.ts";
import { productRoutes } from "./routes/products.ts";
import { allowedMethods, type Call, type Route } from "./routes/route.ts";
import { sagaEventsRoute } from "./routes/saga-events.ts";
import { sagaRoutes } from "./routes/saga.ts";

/**
 * Above this the server itself cuts a body off, with a bare answer. Between the two limits the client gets a problem body. The
 * server limits headers to 16 KB in total.
 */
const MAX_BODY_BYTES_READ = 16 * MAX_BODY_BYTES;

export interface RouteOptions {
  readonly orchestrator: OrchestratorClient;
  readonly inventory: InventoryClient;
  readonly orders: OrderClient;
  /** For payments that the bank wants confirmed; without it there are none. */
  readonly payment?: PaymentClient | undefined;
  readonly streams: EventStreams;
  /** Seals the payment method, so that only the payment service can read it. */
  readonly seal: (paymentMethod: string) => string;
  /** Carts in other currencies are rejected. */
  readonly currencies: ReadonlySet<string>;
  readonly clock: Clock;
  /** Without them nothing is limited. */
  readonly limits?: GatewayLimits | undefined;
  /** Without them nothing is traced. */
  readonly traces?: RequestTraces | undefined;
}

export interface GatewayOptions extends RouteOptions {
  readonly authenticator: Authenticator;
  /** Origins whose scripts may call the API from a browser. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Called with errors that operators should see. */
  readonly onError: (error: unknown, request: Request) => void;
}

export function gatewayApp(options: GatewayOptions) {
  const { authenticator, corsOrigins = [], limits, traces, onError } = options;
  const cors = new Cors(corsOrigins);
  const app = new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES_READ } })
    .onRequest(({ request, set }) => {
      // Answers are data: a browser must not read one as a page or script, whatever it holds.
      Object.assign(set.headers, { "x-content-type-options": "nosniff" }, cors.headersFor(request));
    })
    .onError(({ error, code, request, path }) => {
      const problem = asProblem(error, code);
      // A client that disconnected gets no answer, and its disconnect is not an error.
      if (problem.isForOperators && !request.signal.aborted) onError(error, request);
      return problemResponse(problem, path, traces?.contextOf(request));
    })
    .use(limitHooks(limits));
  const routes = routesOf(options);
  for (const route of routes)
    app.route(
      route.method,
      route.path,
      ({ request, params, set }) => {
        traces?.routed(request, route.path);
        return answer(authenticator, route, { request, params, set });
      },
      // Elysia would strip unknown fields instead of rejecting them, so each route reads its body itself.
      { parse: "none" },
    );
  for (const [path, allow] of allowedMethods(routes))
    app.all(path, ({ request }) => answerOtherMethod(cors, request, allow), { parse: "none" });
  return app;
}

/** Every route of the API. */
export function routesOf(options: RouteOptions): readonly Route[] {
  const routes = [
    ...checkoutRoutes(options),
    ...sagaRoutes(options),
    sagaEventsRoute(options),
    ...paymentRoutes(options),
    ...productRoutes(options),
    ...orderRoutes(options),
    healthRoute(options),
  ];
  return [...routes, documentRoute(routes)];
}

/** The token is checked before anything else of the request. */
async function answer(authenticator: Authenticator, route: Route, call: Call): Promise<unknown> {
  if (route.access === "open") return route.handle(call);
  const userId = await authenticator.userOf(call.request.headers.get("authorization"));
  return route.handle({ ...call, userId });
}

function answerOtherMethod(cors: Cors, request: Request, allow: string): Response {
  const headers = cors.preflight(request, allow);
  if (headers === null) throw new ProblemError("method-not-allowed", { allow });
  return new Response(null, { status: STATUS_NO_CONTENT, headers });
}

function asProblem(error: unknown, code: number | string): ProblemError {
  if (error instanceof ProblemError) return error;
  if (code === "NOT_FOUND") return new ProblemError("not-found");
  if (error instanceof AppError && error.canRetry) return new ProblemError("service-unavailable");
  return new ProblemError("internal-error");
}
