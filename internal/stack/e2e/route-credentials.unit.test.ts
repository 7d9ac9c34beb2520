// The list against the code: every route of every role is in it once, and demands what the list says.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONSOLE_ROUTES } from "../../console/app.ts";
import { type RouteOptions, routesOf } from "../../gateway/app.ts";
import { type InternalApiName, PERMISSIONS } from "../../kernel/permissions.ts";
import { webhookPath } from "../../services/payment/webhooks/webhook-http.ts";
import { SHOP_ROUTES } from "../../storefront/app.ts";
import { ROUTE_CREDENTIALS, type Surface } from "./route-credentials.ts";

const ROOT = join(import.meta.dir, "../../..");
const sourceOf = (file: string) => readFileSync(join(ROOT, file), "utf8");

const listed = (surface: Surface) =>
  ROUTE_CREDENTIALS.filter((each) => each.surface === surface).map(({ route, needs }) => `${route} ${needs}`);
const nameOf = ({ method, path }: { readonly method: string; readonly path: string }) => `${method} ${path}`;

test("no route is listed twice", () => {
  const names = ROUTE_CREDENTIALS.map(({ surface, route }) => `${surface} ${route}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("the console's", () => {
  const needs = { nothing: "open", viewer: "viewer", operator: "operator" } as const;
  const own = new Set(["POST /preferences", "POST /sign-in"]);
  const real = CONSOLE_ROUTES.map((route) => {
    const name = nameOf(route);
    return `${name} ${own.has(name) ? "origin" : needs[route.needs]}`;
  });
  expect(listed("console").toSorted()).toEqual(
    [...real, "GET /assets/:name open", "POST /csp-reports open"].toSorted(),
  );
});

test("the gateway's: API and shop", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the list is read
  const api = routesOf({} as RouteOptions).map((route) => `${nameOf(route)} ${route.access}`);
  expect(
    listed("gateway")
      .filter((line) => line.includes(" /api/"))
      .toSorted(),
  ).toEqual(api.toSorted());
  const pages = listed("gateway")
    .filter((line) => !line.includes(" /api/"))
    .map((line) => line.split(" ").slice(0, 2).join(" "));
  expect(pages.toSorted()).toEqual(
    [...SHOP_ROUTES.map(nameOf), "GET /assets/:name", "POST /csp-reports"].toSorted(),
  );
});

test("the internal interfaces'", () => {
  const apis: readonly (readonly [Surface, InternalApiName])[] = [
    ["orchestrator", "orchestrator"],
    ["inventory", "inventory"],
    ["order", "order"],
    ["payment_internal", "payment"],
  ];
  const names: readonly string[] = apis.map(([, api]) => api);
  expect(names.toSorted()).toEqual(Object.keys(PERMISSIONS).toSorted());
  for (const [surface, api] of apis) {
    const real = Object.keys(PERMISSIONS[api]).map(
      (route) => `${route} ${route === "GET /ready" ? "open" : "caller"}`,
    );
    expect(listed(surface).toSorted()).toEqual(real.toSorted());
  }
});

test("the webhooks' and the operators' port", () => {
  expect(listed("payment")).toEqual([`POST ${webhookPath("stripe")} signature`]);
  const paths = [...sourceOf("internal/platform/ops-http.ts").matchAll(/^ +"(\/\w+)":/gm)].map(
    ([, path]) => path,
  );
  expect(listed("ops")).toEqual(paths.map((path) => `GET ${path} open`));
});

test("every role that listens is here: whoever serves HTTP does it by one of two ways", async () => {
  const glob = new Bun.Glob("{cmd,internal}/**/*.ts");
  const callers: string[] = [];
  for await (const file of glob.scan(ROOT)) {
    if (/test|stack|testkit|tools|paysim/.test(file)) continue;
    for (const [, what] of sourceOf(file).matchAll(/\b(startHttp|Bun\.serve|new OpsServer)\(/g))
      if (!sourceOf(file).includes(`function ${what}`)) callers.push(`${file} ${what}`);
  }
  expect(callers.toSorted()).toEqual([
    "cmd/console/main.ts startHttp",
    "cmd/gateway/main.ts startHttp",
    "cmd/inventory/main.ts startHttp",
    "cmd/orchestrator/api.ts startHttp",
    "cmd/order/main.ts startHttp",
    "cmd/payment/work.ts startHttp",
    "cmd/payment/work.ts startHttp",
    "internal/platform/lifecycle.ts new OpsServer",
    "internal/platform/ops-http.ts Bun.serve",
    "internal/platform/serve-http.ts Bun.serve",
  ]);
});
