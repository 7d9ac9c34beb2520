// Cross-origin calls: listed origins only, and headers that every answer has.
import { expect, test } from "bun:test";
import { authenticatorOf, servicesAt, SHOPPER } from "../testkit/gateway.ts";
import { gatewayApp } from "./app.ts";

const SHOP = "https://shop.example";
const appFor = (corsOrigins?: readonly string[]) =>
  gatewayApp({
    ...servicesAt({}),
    authenticator: authenticatorOf(),
    currencies: new Set(),
    seal: (token) => token,
    corsOrigins,
    onError: () => undefined,
  });
const ask = (app: ReturnType<typeof appFor>, method: string, path: string, headers: Record<string, string>) =>
  app.handle(new Request(`http://localhost${path}`, { method, headers }));
const preflight = { origin: SHOP, "access-control-request-method": "POST" };

test("a listed origin gets a preflight for the path's methods, and may read answers", async () => {
  const app = appFor([SHOP, "http://localhost:3000"]);
  const { status, headers } = await ask(app, "OPTIONS", "/api/v1/checkout", preflight);
  expect([
    status,
    headers.get("access-control-allow-origin"),
    headers.get("access-control-allow-methods"),
  ]).toEqual([204, SHOP, "POST"]);
  expect(headers.get("access-control-allow-headers")).toContain("idempotency-key");
  expect(headers.get("access-control-allow-credentials")).toBeNull();
  const answer = await ask(app, "GET", `/api/v1/saga/${SHOPPER}/status`, { origin: SHOP });
  expect([
    answer.status,
    answer.headers.get("access-control-allow-origin"),
    answer.headers.get("vary"),
  ]).toEqual([401, SHOP, "Origin"]);
});

test.each([
  ["another origin", [SHOP], { ...preflight, origin: "https://evil.example" }],
  ["a longer origin", [SHOP], { ...preflight, origin: `${SHOP}.evil.example` }],
  ["no list", undefined, preflight],
  ["the null origin", [SHOP], { ...preflight, origin: "null" }],
])("%s gets no permission", async (_, origins, headers) => {
  const app = appFor(origins);
  const refused = await ask(app, "OPTIONS", "/api/v1/checkout", headers);
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([405, null]);
  const answer = await ask(app, "GET", "/api/v1/openapi.json", headers);
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, null]);
});

test("every answer says nosniff: data, problems, unknown paths, 304 and 405", async () => {
  const app = appFor();
  const { headers } = await ask(app, "GET", "/api/v1/openapi.json", {});
  for (const [method, path, given] of [
    ["GET", "/api/v1/openapi.json", {}],
    ["GET", "/api/v1/openapi.json", { "if-none-match": headers.get("etag") ?? "" }],
    ["GET", "/nothing", {}],
    ["PUT", "/api/v1/checkout", {}],
    ["GET", "/api/v1/products", {}],
  ] as const) {
    const answer = await ask(app, method, path, given);
    expect([path, answer.headers.get("x-content-type-options")]).toEqual([path, "nosniff"]);
  }
});
