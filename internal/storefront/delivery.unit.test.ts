// How pages reach the browser: in one request, compressed where that tells nobody anything.
import { describe, expect, test } from "bun:test";
import { SHOPPER_TOKEN, ShopInMemory, storefrontOptions } from "../testkit/storefront.ts";
import { storefrontApp } from "./app.ts";
import { acceptsGzip } from "../web/compression.ts";
import { minified } from "../web/minify.ts";
import { SESSION } from "./cookies.ts";
import { STYLE_SHEET } from "./style-sheet.ts";

const ORIGIN = "http://localhost";
const CARDS = { kind: "stripe", publishableKey: "pk_test_1" } as const;
const app = storefrontApp(storefrontOptions(new ShopInMemory(), { cards: CARDS }));
const SIGNED_IN = { cookie: `${SESSION}=${SHOPPER_TOKEN}; __Host-cart=mug-red!1` };

async function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") {
  const answer = await app.handle(new Request(ORIGIN + path, { method, headers }));
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
}

describe("the first paint", () => {
  test("needs one request: no file before it, neither styles nor a script that stops the page", async () => {
    for (const path of ["/", "/products/mug-red", "/cart", "/checkout", "/signin", "/nowhere"]) {
      const html = (await ask(path, SIGNED_IN)).bytes.toString();
      expect(html).not.toMatch(/<link rel="(?!icon)|@import|url\(/);
      for (const [tag] of html.matchAll(/<script\b[^>]*>/g)) expect(tag).toMatch(/ type="module"| defer/);
    }
  });

  test("the styles are in the page as they are, let in by its nonce", async () => {
    const { answer, bytes } = await ask("/");
    const nonce = /style-src 'nonce-([^']+)';/.exec(answer.headers.get("content-security-policy") ?? "")?.[1];
    expect(bytes.toString()).toContain(`<style nonce="${nonce}">${STYLE_SHEET}</style>`);
    // Neither HTML nor a second element ends it early.
    expect(STYLE_SHEET).not.toMatch(/<|\/\*/);
  });

  test("a compressed page fits into the first packets of a new connection", async () => {
    for (const path of ["/", "/products/mug-red", "/cart", "/checkout"]) {
      const { bytes } = await ask(path, { ...SIGNED_IN, ...GZIP, ...OWN });
      expect(bytes.length).toBeLessThan(10 * 1_400);
    }
  });
});

const GZIP = { "accept-encoding": "gzip, deflate, br, zstd" };
const OWN = { "sec-fetch-site": "none" };

describe("compression", () => {
  test("is for browsers that accept it, and changes no byte", async () => {
    const plain = await ask("/signin");
    expect(plain.answer.headers.get("content-encoding")).toBeNull();
    const zipped = await ask("/signin", GZIP);
    expect(zipped.answer.headers.get("content-encoding")).toBe("gzip");
    for (const { answer } of [plain, zipped]) expect(answer.headers.get("vary")).toBe("accept-encoding");
    const withoutNonce = (text: string) => text.replaceAll(/nonce="[^"]*"/g, "");
    const text = new TextDecoder().decode(Bun.gunzipSync(zipped.bytes));
    expect(withoutNonce(text)).toBe(withoutNonce(plain.bytes.toString()));
  });

  test.each([
    ["gzip", true],
    ["br;q=1.0, GZIP;q=0.8", true],
    ["gzip;q=0", false],
    ["gzip; q=0.0, *", false],
    ["*", true],
    ["*;q=0", false],
    ["br", false],
    ["x-gzip", true],
    ["gzipped", false],
    ["", false],
  ])("Accept-Encoding: %p", (header, expected) => {
    const request = new Request(ORIGIN, { headers: { "accept-encoding": header } });
    expect(acceptsGzip(request)).toBe(expected);
  });

  test("a shopper's page that another site asked for keeps its length to itself", async () => {
    const encoding = async (headers: Readonly<Record<string, string>>) =>
      (await ask("/checkout", { ...SIGNED_IN, ...GZIP, ...headers })).answer.headers.get("content-encoding");
    expect(await encoding({ "sec-fetch-site": "cross-site" })).toBeNull();
    expect(await encoding({ "sec-fetch-site": "same-site" })).toBeNull();
    expect(await encoding({})).toBeNull();
    expect(await encoding({ "sec-fetch-site": "same-origin" })).toBe("gzip");
    expect(await encoding({ "sec-fetch-site": "none" })).toBe("gzip");
    // Who is nobody yet has nothing to hide: a visit from a search engine.
    const { answer } = await ask("/", { ...GZIP, "sec-fetch-site": "cross-site" });
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    const details = { ...GZIP, "sec-fetch-site": "cross-site", cookie: "__Host-details=someone.e30" };
    expect((await ask("/", details)).answer.headers.get("content-encoding")).toBeNull();
  });

  test("an answer without a body is left alone", async () => {
    const { answer, bytes } = await ask("/", { ...GZIP, ...OWN }, "HEAD");
    expect([answer.status, bytes.length, answer.headers.get("content-encoding")]).toEqual([200, 0, null]);
  });
});

test("the style sheet loses only what means nothing", () => {
  const css = "/* why */\n.a > b,\n.c :is(d) {\n  width: calc(1px + 2%);\n  font: 1rem/1.5 x, y;\n}\n";
  expect(minified(css)).toBe(".a>b,.c :is(d){width:calc(1px + 2%);font:1rem/1.5 x,y}");
});
