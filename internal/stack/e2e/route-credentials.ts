// Every HTTP route of every role, what it demands of a caller, and what a caller without it gets. route-credentials.unit.test.ts compares
// the list with the code, so that nobody adds a route without deciding this; hostile.e2e.test.ts asks each of the compiled binaries.

export type Surface =
  "gateway" | "console" | "orchestrator" | "inventory" | "order" | "payment" | "payment_internal" | "ops";

/**
 * `open`: nothing. `origin`: only that a browser sends it from our own page. `shopper`: a token of the identity provider, in the header or
 * in the page's cookie. `caller`: a token that a trusted key has signed; permissions.ts says whose. `viewer`, `operator`: a session of the
 * console. `signature`: of the payment provider.
 */
export type Credential = "open" | "origin" | "shopper" | "caller" | "viewer" | "operator" | "signature";

export interface RouteCredential {
  readonly surface: Surface;
  /** `GET /orders/:id` */
  readonly route: string;
  readonly needs: Credential;
  /** The status without a credential, sent as from our own page. */
  readonly without: number;
  /** The status of a form of another site, for what a browser may send. */
  readonly foreign?: number;
}

function routes(
  surface: Surface,
  needs: Credential,
  without: number,
  list: readonly string[],
  foreign?: number,
): readonly RouteCredential[] {
  return list.map((route) => ({
    surface,
    route,
    needs,
    without,
    ...(foreign === undefined ? {} : { foreign }),
  }));
}

const API = [
  ...routes("gateway", "open", 200, [
    "GET /api/v1/products",
    "GET /api/v1/health",
    "GET /api/v1/openapi.json",
  ]),
  // No such product.
  ...routes("gateway", "open", 404, ["GET /api/v1/products/:sku"]),
  ...routes("gateway", "shopper", 401, [
    "POST /api/v1/checkout",
    "GET /api/v1/saga/:id/status",
    "GET /api/v1/saga/:id/events",
    "GET /api/v1/saga/:id/action",
    "POST /api/v1/saga/:id/check",
    "POST /api/v1/saga/:id/extend",
    "GET /api/v1/orders",
    "GET /api/v1/orders/:id",
    "POST /api/v1/orders/:id/cancel",
  ]),
];

const SHOP = [
  ...routes("gateway", "open", 200, ["GET /", "GET /cart", "GET /signin"]),
  ...routes("gateway", "open", 404, ["GET /products/:sku", "GET /assets/:name"]),
  // Browsers send reports by themselves.
  ...routes("gateway", "open", 204, ["POST /csp-reports"], 204),
  ...routes(
    "gateway",
    "origin",
    303,
    ["POST /cart/quantity", "POST /cart/fit", "POST /checkout/draft", "POST /signout", "POST /preferences"],
    403,
  ),
  ...routes("gateway", "origin", 422, ["POST /signin"], 403),
  // No such product.
  ...routes("gateway", "origin", 404, ["POST /cart"], 403),
  // To the sign-in, or to the page that asks for it.
  ...routes("gateway", "shopper", 303, [
    "GET /checkout",
    "GET /checkout/draft",
    "GET /checkout/:saga",
    "GET /orders",
    "GET /orders/:id",
    "GET /checkout/:saga/bank",
  ]),
  ...routes("gateway", "shopper", 401, ["GET /checkout/:saga/events", "GET /checkout/:saga/view"]),
  ...routes(
    "gateway",
    "shopper",
    303,
    ["POST /checkout", "POST /checkout/:saga/more-time", "POST /orders/:id/again", "POST /orders/:id/cancel"],
    403,
  ),
];

const CONSOLE = [
  ...routes("console", "open", 200, ["GET /sign-in"]),
  ...routes("console", "open", 404, ["GET /assets/:name"]),
  ...routes("console", "open", 204, ["POST /csp-reports"], 204),
  // Without an identity provider there is no such page.
  ...routes("console", "open", 404, ["GET /sign-in/oidc", "GET /sign-in/oidc/callback"]),
  ...routes("console", "origin", 303, ["POST /preferences"], 403),
  ...routes("console", "origin", 422, ["POST /sign-in"], 403),
  // A browser is led to the sign-in.
  ...routes("console", "viewer", 401, [
    "GET /",
    "GET /graphs",
    "GET /sagas",
    "GET /sagas/:id",
    "GET /cancellations",
    "GET /find",
    "GET /dead-letters",
    "GET /dead-letters/:id",
    "GET /runs",
    "GET /runs/:id",
    "GET /payments",
    "GET /payments/alerts",
    "GET /topics",
    "GET /topics/:name",
    "GET /outboxes",
    "GET /stock/:sku",
    "GET /audit",
    "GET /me",
    "GET /events",
    "GET /graphs/events",
    "GET /sagas/:id/events",
    "GET /runs/:id/events",
    "GET /payments/events",
    "GET /topics/events",
  ]),
  ...routes("console", "viewer", 401, ["POST /sign-out"], 403),
  ...routes(
    "console",
    "operator",
    401,
    [
      "POST /shoppers/find",
      "POST /sagas/:id/reveal",
      "POST /sagas/:id/cancel",
      "POST /sagas/:id/cancel-order",
      "POST /dead-letters/:id/reveal",
      "POST /runs/plan",
      "POST /runs/:id/start",
      "POST /runs/:id/pause",
      "POST /runs/:id/resume",
      "POST /runs/:id/stop",
      "POST /runs/:id/rate",
      "POST /payments/alerts/:id/close",
      "POST /payments/compare",
    ],
    403,
  ),
];

const INTERNAL = [
  // It says nothing but "ok".
  ...routes("orchestrator", "open", 200, ["GET /ready"]),
  ...routes("orchestrator", "caller", 401, [
    "POST /sagas",
    "POST /sagas/find",
    "POST /sagas/:id/extend-action",
    "POST /sagas/:id/cancel",
    "POST /sagas/:id/cancel-order",
    "POST /sagas/:id/trace",
    "GET /sagas",
    "GET /sagas/:id",
    "GET /sagas/:id/history",
  ]),
  ...routes("inventory", "caller", 401, ["GET /catalogue", "GET /catalogue/:sku_id", "PUT /catalogue"]),
  ...routes("order", "caller", 401, [
    "GET /orders",
    "GET /orders/:id",
    "POST /orders/:id/ship",
    "POST /orders/:id/deliver",
  ]),
  ...routes("payment_internal", "caller", 401, [
    "GET /payments/:saga_id/action",
    "POST /payments/:saga_id/check",
  ]),
];

const OTHERS = [
  ...routes("payment", "signature", 400, ["POST /webhooks/stripe"]),
  // For whoever reaches the port: OPS_HOST is 127.0.0.1 unless told otherwise.
  ...routes("ops", "open", 200, ["GET /healthz", "GET /readyz", "GET /metrics"]),
];

export const ROUTE_CREDENTIALS: readonly RouteCredential[] = [
  ...API,
  ...SHOP,
  ...CONSOLE,
  ...INTERNAL,
  ...OTHERS,
];
