// Compares a running shop with its release, from outside, over HTTP: pages, security headers, scripts, cookies, foreign requests and the
// API. For after a deploy, and every week (PCI DSS 11.6.1: changed scripts and headers are noticed). Orders nothing. Called by
// `checkoutctl storefront verify`.
import { Type } from "@sinclair/typebox";
import { Health, ProductPage } from "../../schemas/shop.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { StorefrontClient, type ShopAnswer } from "./storefront-client.ts";
import { contentFaults, headerFaults, nonceOf, type PageRules, type Release } from "./storefront-pages.ts";

const FOREIGN = "https://foreign.invalid";
/** Where no checkout is: a random part that is never minted. */
const NO_CHECKOUT = "/checkout/00000000-0000-7000-8000-000000000000";

const products = new LateCheck(ProductPage);
const health = new LateCheck(Health);
const document = new LateCheck(
  Type.Object({ openapi: Type.String({ pattern: "^3\\." }), info: Type.Object({ version: Type.String() }) }),
);

export interface VerifyOptions {
  readonly url: URL;
  readonly release: Release;
  /** A shopper's token; without it the checkout page cannot be seen. */
  readonly token?: string | undefined;
}

export interface ShopCheck {
  readonly check: string;
  readonly result: "ok" | "FAILED" | "not checked";
  /** What is right, what is wrong, or why it was not checked. One sentence each. */
  readonly says: readonly string[];
}

export interface ShopReport {
  readonly url: string;
  readonly release: string;
  readonly ok: boolean;
  readonly checks: readonly ShopCheck[];
}

interface Page extends PageRules {
  readonly answer: ShopAnswer;
  /** Expected status. */
  readonly status: number;
}

/** Throws SERVICE_UNAVAILABLE if the shop does not answer at all. */
export async function verifyStorefront({ url, release, token }: VerifyOptions): Promise<ShopReport> {
  const shop = new StorefrontClient(url);
  const sku = await someSku(shop);
  const pages = await openPages(shop, sku);
  const again = await shop.ask("/");
  const checkout = await openCheckout(shop, sku, token);
  if (typeof checkout !== "string") pages.push(checkout);
  const checks = [
    judged("pages", pages.flatMap(statusFaults), `${pages.length} pages answer`),
    judged(
      "headers",
      [
        ...pages.flatMap(({ answer, ...rules }) => headerFaults(answer, release, rules)),
        ...nonceFaults(pages, again),
      ],
      "the security headers of every page are those of this release",
    ),
    judged(
      "scripts",
      [
        ...pages.flatMap(({ answer, ...rules }) => contentFaults(answer, release, rules)),
        ...(await scriptFaults(shop, release)),
      ],
      `every script of the pages is one of the ${release.scripts.length} of this release, byte by byte`,
    ),
    typeof checkout === "string"
      ? ({ check: "checkout page", result: "not checked", says: [checkout] } as const)
      : judged("checkout page", [], "it is one of the pages above"),
    judged(
      "cookies",
      cookieFaults(shop.setCookies),
      "every cookie is __Host-, HttpOnly, Secure and SameSite",
    ),
    judged("foreign requests", await foreignFaults(shop), "forms and scripts of other sites are refused"),
    judged("api", await apiFaults(shop, release), "the API answers, and has the version of this release"),
  ];
  const ok = checks.every(({ result }) => result !== "FAILED");
  return { url: shop.origin, release: release.version, ok, checks };
}

function judged(check: string, faults: readonly string[], right: string): ShopCheck {
  return faults.length === 0
    ? { check, result: "ok", says: [right] }
    : { check, result: "FAILED", says: faults };
}

/** One that can be bought, if there is one. Undefined if the catalogue is empty or cannot be read; then another check says so. */
async function someSku(shop: StorefrontClient): Promise<string | undefined> {
  const page = parsed(await shop.ask("/api/v1/products?limit=100"));
  if (!products.Check(page)) return undefined;
  return (page.products.find(({ available }) => available.count > 0) ?? page.products[0])?.sku_id;
}

/** What everybody sees without signing in. */
async function openPages(shop: StorefrontClient, sku: string | undefined): Promise<Page[]> {
  const expected: readonly (readonly [path: string, status: number])[] = [
    ["/", 200],
    ...(sku === undefined ? [] : [[`/products/${sku}`, 200] as const]),
    ["/cart", 200],
    ["/signin", 200],
    ["/no-such-page", 404],
  ];
  return Promise.all(
    expected.map(async ([path, status]) => ({
      answer: await shop.ask(path),
      status,
      isHttps: shop.isHttps,
      isCheckout: false,
    })),
  );
}

/** The page with the card's fields, or why it was not seen. Puts a product into the cart of this run; orders nothing. */
async function openCheckout(
  shop: StorefrontClient,
  sku: string | undefined,
  token: string | undefined,
): Promise<Page | string> {
  // Also without a token: a cookie has to be seen.
  const headers = { origin: shop.origin };
  await shop.ask("/preferences", { method: "POST", headers, form: { language: "en", back: "/" } });
  if (token === undefined)
    return "give a shopper's token with --token-file to see the page that takes the card";
  if (sku === undefined) return "the catalogue has no product to check out";
  shop.setCookie("__Host-session", token);
  await shop.ask("/cart", { method: "POST", headers, form: { sku, quantity: "1" } });
  const answer = await shop.ask("/checkout");
  const to = answer.headers.get("location") ?? "";
  if (to.startsWith("/signin")) return "the shop does not accept the token: give one that is valid for it";
  if (to.startsWith("/cart")) return `the product ${sku} cannot be ordered now: put one in stock`;
  return { answer, status: 200, isHttps: shop.isHttps, isCheckout: true };
}

function statusFaults({ answer: { path, status, headers }, status: expected }: Page): string[] {
  if (status !== expected) return [`${path} answers ${status}, expected ${expected}`];
  const type = headers.get("content-type") ?? "none";
  return type.startsWith("text/html") ? [] : [`${path} is no page: its media type is ${type}`];
}

function nonceFaults([first]: readonly Page[], again: ShopAnswer): string[] {
  const before = first === undefined ? null : nonceOf(first.answer);
  return before !== null && before === nonceOf(again)
    ? [
        "/ has the same nonce twice: something keeps the page, and a script that read it would run on the next one",
      ]
    : [];
}

async function scriptFaults(shop: StorefrontClient, { scripts }: Release): Promise<string[]> {
  const faults = await Promise.all(
    scripts.map(async ({ path, integrity }) => {
      const { status, text, headers } = await shop.ask(path);
      if (status !== 200) return [`the script ${path} answers ${status}: the shop is another release`];
      const hash = `sha384-${new Bun.CryptoHasher("sha384").update(text).digest("base64")}`;
      return [
        ...(hash === integrity ? [] : [`the script ${path} has other bytes than this release: ${hash}`]),
        ...noSniffFaults(path, headers),
      ];
    }),
  );
  return faults.flat();
}

function noSniffFaults(path: string, headers: Headers): string[] {
  const isSet = headers.get("x-content-type-options") === "nosniff";
  return isSet ? [] : [`${path} has no x-content-type-options: nosniff`];
}

function cookieFaults(lines: readonly string[]): string[] {
  if (lines.length === 0) return ["the shop set no cookie, so none could be checked"];
  const faults = lines.flatMap((line) => {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const name = pair.split("=")[0] ?? "";
    const has = (wanted: string) => attributes.some((one) => one.toLowerCase() === wanted);
    const missing = [
      ...(name.startsWith("__Host-") ? [] : ["the prefix __Host-"]),
      ...["HttpOnly", "Secure", "Path=/"].filter((one) => !has(one.toLowerCase())),
      ...(has("samesite=lax") || has("samesite=strict") ? [] : ["SameSite"]),
    ];
    const domain = attributes.some((one) => /^domain=/i.test(one)) ? [`the cookie ${name} has a Domain`] : [];
    return [...missing.map((what) => `the cookie ${name} lacks ${what}`), ...domain];
  });
  return [...new Set(faults)];
}

async function foreignFaults(shop: StorefrontClient): Promise<string[]> {
  const headers = { origin: FOREIGN, "sec-fetch-site": "cross-site" };
  const form = { language: "en", back: "/" };
  const [posted, order, read] = await Promise.all([
    shop.ask("/preferences", { method: "POST", headers, form }),
    shop.ask("/checkout", { method: "POST", headers, form: {} }),
    shop.ask("/api/v1/products?limit=1", { headers: { origin: FOREIGN } }),
  ]);
  const allowed = read.headers.get("access-control-allow-origin");
  return [
    ...[posted, order]
      .filter(({ status }) => status !== 403)
      .map(
        ({ path, status }) =>
          `a form of another site sent to ${path} is answered with ${status}, expected 403`,
      ),
    ...(allowed === null
      ? []
      : [`scripts of every site may read the API: access-control-allow-origin is ${allowed}`]),
  ];
}

async function apiFaults(shop: StorefrontClient, { version }: Release): Promise<string[]> {
  const [described, listed, healthy, unsigned, missing] = await Promise.all([
    shop.ask("/api/v1/openapi.json"),
    shop.ask("/api/v1/products?limit=1"),
    shop.ask("/api/v1/health"),
    shop.ask("/api/v1/orders"),
    shop.ask(NO_CHECKOUT),
  ]);
  const openapi = parsed(described);
  const found = parsed(listed);
  return [
    ...(document.Check(openapi)
      ? openapi.info.version === version
        ? []
        : [
            `the shop has version ${openapi.info.version}, this checkoutctl ${version}: verify with the release's own`,
          ]
      : [`${described.path} is no OpenAPI document (${described.status})`]),
    ...(products.Check(found) ? [] : [`${listed.path} has no products (${listed.status})`]),
    ...(products.Check(found) && found.products.length === 0 ? ["the catalogue is empty"] : []),
    ...(health.Check(parsed(healthy))
      ? []
      : [`${healthy.path} says that checkouts are not accepted (${healthy.status})`]),
    ...(unsigned.status === 401
      ? []
      : [`${unsigned.path} answers ${unsigned.status} without a token, expected 401`]),
    ...(missing.status === 303 || missing.status === 404
      ? []
      : [`${missing.path} answers ${missing.status}, expected the sign-in or 404`]),
    ...[described, listed].flatMap(({ path, headers }) => noSniffFaults(path, headers)),
  ];
}

/** Undefined if the answer is no JSON with status 200. */
function parsed({ status, text }: ShopAnswer): unknown {
  try {
    return status === 200 ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
