// The storefront: every page and form of the shop, as an Elysia app. It reads the request once (visit.ts), refuses foreign POSTs, calls
// the route, and answers what it throws as a page. Called by cmd/gateway, which serves it beside the API.
import { Elysia } from "elysia";
import { mediaTypeOf } from "../../schemas/media-type.ts";
import { AppError } from "../kernel/errors.ts";
import { assetResponse } from "./assets.ts";
import type { StorefrontOptions } from "./options.ts";
import { isOwnPost } from "./origin-check.ts";
import { type ProblemKind, ProblemPage } from "./pages/problem.tsx";
import { TooManyRequests } from "./port.ts";
import { page } from "./respond.ts";
import { catalogueRoutes } from "./routes/catalogue.tsx";
import { checkoutRoutes } from "./routes/checkout.tsx";
import { orderRoutes } from "./routes/orders.tsx";
import { NotFound, type ShopRoute } from "./routes/route.ts";
import { sessionRoutes } from "./routes/session.tsx";
import { statusRoutes } from "./routes/status.tsx";
import { readVisit } from "./visit.ts";

/** A cart of 50 lines with an address is below 8 KB. */
const MAX_FORM_BYTES = 64 * 1_024;
const FORM = "application/x-www-form-urlencoded";
const RETRY_AFTER_SECONDS = "2";

const STATUS_OF: Readonly<Record<ProblemKind, number>> = {
  notFound: 404,
  refused: 403,
  tooMany: 429,
  unavailable: 503,
  internal: 500,
};

/** Every page and form, for the app and for the tests that go through all of them. */
export const SHOP_ROUTES: readonly ShopRoute[] = [
  ...catalogueRoutes,
  ...checkoutRoutes,
  ...statusRoutes,
  ...orderRoutes,
  ...sessionRoutes,
];

export function storefrontApp(options: StorefrontOptions) {
  const app = new Elysia({ serve: { maxRequestBodySize: MAX_FORM_BYTES } })
    .onError(({ error, code, request }) =>
      problem(code === "NOT_FOUND" ? new NotFound() : error, request, options),
    )
    .get("/assets/:name", ({ params, request }) => {
      const response = assetResponse(`/assets/${params.name}`, request);
      if (response === null) throw new NotFound();
      return response;
    })
    .post("/csp-reports", ({ request }) => cspReport(request, options), { parse: "none" });
  for (const route of SHOP_ROUTES)
    app.route(route.method, route.path, ({ request, params }) => answer(route, request, params, options), {
      parse: "none",
    });
  return app;
}

async function answer(
  route: ShopRoute,
  request: Request,
  params: Readonly<Record<string, string>>,
  options: StorefrontOptions,
): Promise<Response> {
  if (route.method === "POST" && !isOwn(request, options)) {
    options.counts.refusedOrigin();
    return problemPage("refused", request, options);
  }
  await options.limits?.admit(request, route.method === "POST" && route.path === "/checkout");
  const form = route.method === "POST" ? await formOf(request) : new URLSearchParams();
  const response = await route.handle(await readVisit(request, params, form, options));
  options.counts.page(route.name, response.status);
  return response;
}

function isOwn({ headers }: Request, { shopUrl }: StorefrontOptions): boolean {
  return isOwnPost(
    { origin: headers.get("origin"), host: headers.get("host"), site: headers.get("sec-fetch-site") },
    shopUrl,
  );
}

async function formOf(request: Request): Promise<URLSearchParams> {
  // A form without fields is sent without a type by some clients.
  return new URLSearchParams(mediaTypeOf(request) === FORM ? await request.text() : "");
}

function problem(error: unknown, request: Request, options: StorefrontOptions): Promise<Response> {
  if (error instanceof NotFound) return problemPage("notFound", request, options);
  if (error instanceof TooManyRequests)
    return problemPage("tooMany", request, options, String(error.retryAfterSeconds));
  // A shopper who left gets no answer, and leaving is not an error.
  if (!request.signal.aborted) options.onError(error, request);
  const passes = error instanceof AppError && error.canRetry;
  return problemPage(passes ? "unavailable" : "internal", request, options);
}

async function problemPage(
  kind: ProblemKind,
  request: Request,
  options: StorefrontOptions,
  retryAfter = kind === "unavailable" ? RETRY_AFTER_SECONDS : null,
): Promise<Response> {
  // Who the shopper is does not matter here, and asking could fail again.
  const visit = await readVisit(request, {}, new URLSearchParams(), { ...options, userOf: async () => null });
  options.counts.page("problem", STATUS_OF[kind]);
  return page(visit, ProblemPage({ frame: visit, kind }), {
    status: STATUS_OF[kind],
    ...(retryAfter === null ? {} : { headers: { "retry-after": retryAfter } }),
  });
}

/** The directives that browsers report, so that no address of a page gets into a label. */
const DIRECTIVE =
  /"(?:effective-?directive|violated-directive)"\s*:\s*"(script|style|img|font|connect|frame|form|base|default)-/i;
const MAX_REPORT_BYTES = 16 * 1_024;

async function cspReport(request: Request, { counts }: StorefrontOptions): Promise<Response> {
  const text = (await request.text()).slice(0, MAX_REPORT_BYTES);
  counts.cspReport(DIRECTIVE.exec(text)?.[1]?.toLowerCase() ?? "other");
  return new Response(null, { status: 204 });
}
