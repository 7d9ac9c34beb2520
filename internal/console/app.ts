// The console: every page, stream and act, as an Elysia app. It refuses foreign POSTs, reads the request once, checks who is signed in and
// what they may do, calls the route, and answers what it throws. No page decides about permission. Called by cmd/console.
import { Elysia } from "elysia";
import { isOwnRequest } from "../web/origin-check.ts";
import { formOf, TooLarge } from "../web/read-body.ts";
import { CSP_REPORTS } from "../web/security-headers.ts";
import { assetResponse } from "./assets.ts";
import { recordIfPossible } from "./audit.ts";
import type { ConsoleOptions } from "./options.ts";
import { Bounce } from "./pages/bounce.tsx";
import { ProblemPage } from "./pages/problem.tsx";
import { notFound, Problem, problemOf } from "./problem.ts";
import { page, problemJson, wantsData } from "./respond.ts";
import { seeOther } from "../web/respond.ts";
import { auditRoutes } from "./routes/audit.tsx";
import { cancellationRoutes } from "./routes/cancellations.tsx";
import { deadLetterRoutes } from "./routes/dead-letters.tsx";
import { findRoutes } from "./routes/find.tsx";
import { graphRoutes } from "./routes/graphs.tsx";
import { oidcRoutes } from "./routes/oidc.tsx";
import { overviewRoutes } from "./routes/overview.tsx";
import { outboxRoutes } from "./routes/outboxes.tsx";
import { paymentRoutes } from "./routes/payments.tsx";
import type { ConsoleRoute } from "./routes/route.ts";
import { runRoutes } from "./routes/runs.tsx";
import { sagaRoutes } from "./routes/sagas.tsx";
import { sessionRoutes } from "./routes/session.tsx";
import { shopperRoutes } from "./routes/shoppers.tsx";
import { stockRoutes } from "./routes/stock.tsx";
import { topicRoutes } from "./routes/topics.tsx";
import { isSignedIn, readVisit, type SignedIn, type Visit } from "./visit.ts";

const NO_FIELDS = new URLSearchParams();

/** Every page, stream and act, for the app and for the tests that go through all of them. */
export const CONSOLE_ROUTES: readonly ConsoleRoute[] = [
  ...overviewRoutes,
  ...graphRoutes,
  ...sagaRoutes,
  ...shopperRoutes,
  ...cancellationRoutes,
  ...findRoutes,
  ...deadLetterRoutes,
  ...runRoutes,
  ...paymentRoutes,
  ...topicRoutes,
  ...outboxRoutes,
  ...stockRoutes,
  ...auditRoutes,
  ...sessionRoutes,
  ...oidcRoutes,
];

export function consoleApp(options: ConsoleOptions) {
  const app = new Elysia()
    .onError(({ error, code, request }) =>
      failed(code === "NOT_FOUND" ? notFound("There is no page at this address.") : error, request, options),
    )
    .get("/assets/:name", ({ params, request }) => assetResponse(`/assets/${params.name}`, request))
    .post(CSP_REPORTS, () => cspReport(options), { parse: "none" });
  for (const route of CONSOLE_ROUTES)
    app.route(route.method, route.path, ({ request, params }) => answer(route, request, params, options), {
      parse: "none",
    });
  return app;
}

async function answer(
  route: ConsoleRoute,
  request: Request,
  params: Readonly<Record<string, string>>,
  options: ConsoleOptions,
): Promise<Response> {
  try {
    if (route.method === "POST") requireOwn(request, options);
    const form = route.method === "POST" ? await formOf(request) : NO_FIELDS;
    const visit = await readVisit(request, params, form, options);
    const response = await permitted(route, visit);
    options.counts.page(route.name, response.status);
    return response;
  } catch (error) {
    return failed(error, request, options, params);
  }
}

async function permitted(route: ConsoleRoute, visit: Visit): Promise<Response> {
  if (route.needs === "nothing") return route.handle(visit);
  if (!isSignedIn(visit)) return signInFirst(route, visit);
  if (route.needs === "operator" && visit.objection !== null) {
    await refuse(visit, visit.objection);
    throw new Problem(403, "Not allowed", `Not allowed: ${visit.objection}.`);
  }
  return route.handle(visit);
}

function signInFirst(route: ConsoleRoute, visit: Visit): Response {
  const { request, here } = visit;
  if (route.method === "POST" || wantsData(request))
    throw new Problem(
      401,
      "Not signed in",
      "You are not signed in, or your session has ended: sign in again.",
    );
  // The cookie is SameSite=Strict: with a link from elsewhere, a mail or a chat, browsers do not send it. They do when our own page leads here.
  if (request.headers.get("sec-fetch-site") === "cross-site" && !visit.query.has("again"))
    return page(visit, Bounce({ frame: visit }));
  return seeOther(`/sign-in?back=${encodeURIComponent(here)}`);
}

/** Refusals are acts, too: somebody tried. */
async function refuse(visit: SignedIn, objection: string): Promise<void> {
  const { pathname } = new URL(visit.request.url);
  visit.options.counts.refused(visit.options.isReadOnly ? "read_only" : "role");
  await recordIfPossible(visit, {
    action: "console.refused",
    subject: pathname,
    sagaId: null,
    reason: visit.form.get("reason")?.slice(0, 200) || "none was given",
    outcome: "refused",
    detail: objection,
    parameters: { role: visit.actor.role },
  });
}

function requireOwn(request: Request, { publicUrl, counts }: ConsoleOptions): void {
  if (isOwnRequest(request, publicUrl)) return;
  counts.refused("origin");
  throw new Problem(
    403,
    "Not from this console",
    "This was not sent by a page of this console, so nothing was done. Behind a proxy, CONSOLE_URL must be the address in your browser.",
  );
}

async function failed(
  error: unknown,
  request: Request,
  options: ConsoleOptions,
  params: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const known =
    error instanceof TooLarge
      ? new Problem(413, "Too much", "That was more than a form of this console can hold.")
      : problemOf(error);
  // Whoever left gets no answer, and leaving is not an error.
  if ((known === null || known.status >= 500) && !request.signal.aborted) options.onError(error, request);
  const problem =
    known ??
    new Problem(
      500,
      "Something went wrong",
      "This is a fault of the console. Its log names it; nothing more is known here.",
    );
  options.counts.page("problem", problem.status);
  if (wantsData(request)) return problemJson(problem);
  const visit = await readVisit(request, params, NO_FIELDS, options);
  const comesBack = problem.status === 503 && request.method === "GET";
  return page(visit, ProblemPage({ frame: visit, problem, comesBack }), { status: problem.status });
}

/** What browsers blocked is a fault of a page, or of an extension. It is counted; reports hold addresses, so they are not even read. */
function cspReport({ counts }: ConsoleOptions): Response {
  counts.page("csp_report", 204);
  return new Response(null, { status: 204 });
}
