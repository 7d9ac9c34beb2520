// The storefront: every page and form of the shop, as an Elysia app. It reads the request once (visit.ts), refuses foreign POSTs, calls
// the route, and answers what it throws as a page. Called by cmd/gateway, which serves it beside the API.
import { Elysia } from "elysia";
import { AppError } from "../kernel/errors.ts";
import { isOwnRequest } from "../web/origin-check.ts";
import { formOf, textOf, TooLarge } from "../web/read-body.ts";
import { assetResponse } from "./assets.ts";
import type { StorefrontOptions } from "./options.ts";
import { type ProblemKind, ProblemPage } from "./pages/problem.tsx";
import { TooManyRequests } from "./port.ts";
import { page } from "./respond.ts";
import { catalogueRoutes } from "./routes/catalogue.tsx";
import { checkoutRoutes } from "./routes/checkout.tsx";
import { orderRoutes } from "./routes/orders.tsx";
import { NotFound, type ShopRoute, SignInUnknown } from "./routes/route.ts";
import { sessionRoutes } from "./routes/session.tsx";
import { statusRoutes } from "./routes/status.tsx";
import { readVisit } from "./visit.ts";

const RETRY_AFTER_SECONDS = "2";
const NO_FIELDS = new URLSearchParams();

const STATUS_OF: Readonly<Record<ProblemKind, number>> = {
  notFound: 404,
  refused: 403,
  tooLarge: 413,
  tooMany: 429,
  unavailable: 503,
  signInUnknown: 503,
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
  const app = new Elysia()
    .onError(({ error, code, request }) =>
      code === "NOT_FOUND" ? nowhere(request, options) : problem(error, request, options),
    )
    // No limit counts these: they are ready in memory, and browsers ask for each once, so counting would cost more.
    .get(
      "/assets/:name",
      ({ params, request }) => assetResponse(`/assets/${params.name}`, request) ?? nowhere(request, options),
    )
    .post("/csp-reports", ({ request }) => cspReport(request, options), { parse: "none" });
  for (const route of SHOP_ROUTES)
    app.route(
      route.method,
      route.path,
      ({ request, params }) => {
        options.onRoute?.(request, route.path);
        return answer(route, request, params, options);
      },
      { parse: "none" },
    );
  return app;
}

async function answer(
  route: ShopRoute,
  request: Request,
  params: Readonly<Record<string, string>>,
  options: StorefrontOptions,
): Promise<Response> {
  if (route.method === "GET")
    try {
      await options.limits?.admit(request, false);
      const visit = await readVisit(request, params, NO_FIELDS, options, pathOf(request));
      return counted(route, await route.handle(visit), options);
    } catch (error) {
      return problem(error, request, options);
    }
  let here = route.pageOf(params, NO_FIELDS);
  try {
    const isForeign = !isOwnRequest(request, options.shopUrl);
    // A foreign form does not use up the checkouts of its victim's address.
    const refusal = await refusalOf(request, route.path === "/checkout" && !isForeign, options);
    if (refusal !== null && (isForeign || route.limited === undefined)) throw refusal;
    if (isForeign) {
      options.counts.refusedOrigin();
      return await problemPage("refused", request, options, { here });
    }
    const form = await formOf(request);
    here = route.pageOf(params, form);
    const visit = await readVisit(request, params, form, options, here);
    const isLimited = refusal !== null && route.limited !== undefined;
    const response = isLimited ? await route.limited(visit, refusal) : await route.handle(visit);
    return counted(route, response, options);
  } catch (error) {
    return problem(error, request, options, here);
  }
}

function counted({ name }: ShopRoute, response: Response, { counts }: StorefrontOptions): Response {
  counts.page(name, response.status);
  return response;
}

/** Null if the request may pass. Throws SERVICE_UNAVAILABLE when all are refused. */
async function refusalOf(
  request: Request,
  isCheckout: boolean,
  { limits }: StorefrontOptions,
): Promise<TooManyRequests | null> {
  try {
    await limits?.admit(request, isCheckout);
    return null;
  } catch (error) {
    if (error instanceof TooManyRequests) return error;
    throw error;
  }
}

/** Where the page of a problem leads back to, if nobody knows better. */
function pathOf({ method, url }: Request): string {
  const { pathname, search } = new URL(url);
  return method === "POST" ? "/" : `${pathname}${search}`;
}

/** For an address that leads nowhere: its page costs as much as any other, so it counts as one. */
async function nowhere(request: Request, options: StorefrontOptions): Promise<Response> {
  try {
    await options.limits?.admit(request, false);
  } catch (error) {
    return problem(error, request, options);
  }
  return problemPage("notFound", request, options);
}

/** `here`: see Frame. */
function problem(
  error: unknown,
  request: Request,
  options: StorefrontOptions,
  here = pathOf(request),
): Promise<Response> {
  if (error instanceof NotFound) return problemPage("notFound", request, options, { here });
  if (error instanceof TooLarge) return problemPage("tooLarge", request, options, { here });
  if (error instanceof SignInUnknown) return problemPage("signInUnknown", request, options, { here });
  if (error instanceof TooManyRequests)
    return problemPage("tooMany", request, options, { here, retryAfter: String(error.retryAfterSeconds) });
  // A shopper who left gets no answer, and leaving is not an error.
  if (!request.signal.aborted) options.onError(error, request);
  const passes = error instanceof AppError && error.canRetry;
  return problemPage(passes ? "unavailable" : "internal", request, options, { here });
}

async function problemPage(
  kind: ProblemKind,
  request: Request,
  options: StorefrontOptions,
  { here = pathOf(request), retryAfter = STATUS_OF[kind] === 503 ? RETRY_AFTER_SECONDS : null } = {},
): Promise<Response> {
  // Who the shopper is does not matter here, and asking could fail again.
  const visit = await readVisit(request, {}, NO_FIELDS, { ...options, userOf: async () => null }, here);
  options.counts.page("problem", STATUS_OF[kind]);
  return page(visit, ProblemPage({ frame: visit, kind }), {
    status: STATUS_OF[kind],
    isSecretAddress: visit.query.has("token") || visit.query.has("k"),
    ...(retryAfter === null ? {} : { headers: { "retry-after": retryAfter } }),
  });
}

/** The directives that browsers report, so that no address of a page gets into a label. */
const DIRECTIVE =
  /"(?:effective-?directive|violated-directive)"\s*:\s*"(script|style|img|font|connect|frame|form|base|default)-/i;
const MAX_REPORT_BYTES = 16 * 1_024;

async function cspReport(request: Request, options: StorefrontOptions): Promise<Response> {
  try {
    await options.limits?.admit(request, false);
    const text = await textOf(request, MAX_REPORT_BYTES);
    options.counts.cspReport(DIRECTIVE.exec(text)?.[1]?.toLowerCase() ?? "other");
    return new Response(null, { status: 204 });
  } catch (error) {
    // Nobody looks at the answer, so it is no page.
    if (error instanceof TooManyRequests) return new Response(null, { status: 429 });
    if (error instanceof TooLarge) return new Response(null, { status: 413 });
    throw error;
  }
}
