// What keeps other sites and other scripts out: the origin check, the security headers, the cookies, and the list of scripts.
import { describe, expect, test } from "bun:test";
import { REPOSITORY } from "../stack/paths.ts";
import { assets } from "./assets.ts";
import { clearCookie, cookiesOf, setCookie } from "../web/cookies.ts";
import { isOwnPost } from "../web/origin-check.ts";
import { ownPath } from "../web/own-path.ts";
import { SESSION } from "./cookies.ts";
import { languageOf, money } from "./format.ts";
import { SCRIPTS } from "./scripts.ts";
import { securityHeaders } from "./security-headers.ts";

describe("a POST is the shop's own", () => {
  const host = "shop.example";
  const cases: readonly (readonly [
    string,
    Partial<Parameters<typeof isOwnPost>[0]> & { readonly shopUrl?: string },
    boolean,
  ])[] = [
    ["from its own page", { origin: "https://shop.example", site: "same-origin" }, true],
    ["from its own page, in an old browser", { origin: "https://shop.example" }, true],
    ["from a page that sends no referrer", { origin: "null", site: "same-origin" }, true],
    [
      "behind a proxy with another Host",
      { origin: "https://real.example", shopUrl: "https://real.example" },
      true,
    ],
    ["not from another site", { origin: "https://evil.example", site: "cross-site" }, false],
    ["not from another site that hides where it is", { origin: "null" }, false],
    ["not from a sibling", { origin: "https://blog.shop.example", site: "same-site" }, false],
    ["not without any sign", {}, false],
    ["not with another port", { origin: "https://shop.example:444" }, false],
    ["not from a name that begins the same", { origin: "https://shop.example.evil.example" }, false],
    ["not when the browser says otherwise", { origin: "https://shop.example", site: "cross-site" }, false],
  ];
  test.each(cases)("%s", (_, { shopUrl, ...sent }, expected) => {
    expect(isOwnPost({ origin: null, site: null, host, ...sent }, shopUrl)).toBe(expected);
  });
});

describe("the content security policy", () => {
  const headers = (parts: Partial<Parameters<typeof securityHeaders>[0]> = {}) =>
    securityHeaders({
      nonce: "abc",
      withStripe: false,
      isSecretAddress: false,
      isHttps: true,
      pictureHosts: [],
      ...parts,
    });
  const policy = (parts?: Parameters<typeof headers>[0]) => headers(parts)["content-security-policy"] ?? "";

  test("lets in only scripts and styles with the nonce, connects only to the shop, and cannot be framed", () => {
    expect(policy()).toContain("default-src 'none'; script-src 'nonce-abc'; style-src 'nonce-abc';");
    expect(policy()).toContain("connect-src 'self';");
    expect(policy()).toContain("frame-ancestors 'none'");
    expect(policy()).not.toMatch(/unsafe|\*|http/);
  });

  test("names the payment provider only where its fields are", () => {
    expect(policy({ withStripe: true })).toContain("script-src 'nonce-abc' https://js.stripe.com");
    expect(policy({ withStripe: true })).toContain("connect-src 'self' https://api.stripe.com");
    expect(policy()).not.toContain("stripe");
  });

  test("lets in pictures from the hosts that the shop names, and nothing else from there", () => {
    expect(policy()).toContain("; img-src 'self' data:;");
    const named = policy({ pictureHosts: ["https://cdn.example", "https://img.example:8443"] });
    expect(named).toContain("; img-src 'self' data: https://cdn.example https://img.example:8443;");
    expect(named.replace(" https://cdn.example https://img.example:8443", "")).toBe(policy());
  });

  test("a secret address is told to nobody, and HSTS needs https", () => {
    expect(headers({ isSecretAddress: true })["referrer-policy"]).toBe("no-referrer");
    expect(headers()["strict-transport-security"]).toStartWith("max-age=");
    expect(headers({ isHttps: false })["strict-transport-security"]).toBeUndefined();
  });
});

test("cookies belong to this host alone, and scripts cannot read them", () => {
  expect(setCookie(SESSION, "a.b.c")).toBe("__Host-session=a.b.c; Path=/; Secure; HttpOnly; SameSite=Lax");
  expect(clearCookie(SESSION)).toEndWith("; Max-Age=0");
  expect(cookiesOf(" a=1; b = 2;c; a=3").get("a")).toBe("1");
  expect(cookiesOf(null).size).toBe(0);
});

test.each([
  "//evil.example",
  "/\\evil.example",
  "https://evil.example",
  "evil",
  "",
  "/a\nb",
  null,
  // As addresses, these begin with two slashes.
  "/.//evil.example/x",
  "/..//evil.example",
  "/a/..//evil.example",
  "/%2e//evil.example",
  "/.\\/evil.example",
])("%p is no way back", (path) => {
  expect(ownPath(path, "/cart")).toBe("/cart");
});

test.each(["/", "/products/tea?added=1", "/checkout/1?k=a.b", "/?q=a%20b&category=../x", "/cart?x=/..//y#f"])(
  "%p, a path of the shop, is a way back",
  (path) => {
    expect(ownPath(path, "/orders")).toBe(path);
  },
);

test("money is written as in the language, with our own decimals", () => {
  expect(money(123_456, "EUR", "de")).toBe("1.234,56\u00a0€");
  expect(money(123_456, "EUR", "en")).toBe("€1,234.56");
  expect(money(1_234, "JPY", "en")).toContain("1,234");
  expect(money(1_860, "KWD", "en")).toContain("1.860");
  expect(money(50_000, "HUF", "en")).toContain("500.00");
  expect(money(9_999_999_999, "EUR", "en")).toBe("€99,999,999.99");
});

test.each([
  ["de-AT,de;q=0.9,en;q=0.8", "de"],
  ["fr,en;q=0.5,de;q=0.4", "en"],
  ["de;q=0,en", "en"],
  ["", "en"],
  [null, "en"],
  ["tlh", "en"],
] as const)("Accept-Language %p is %s", (header, language) => {
  expect(languageOf(header, "en")).toBe(language);
});

describe("scripts", () => {
  test("every script that the shop serves is listed with its bytes, a reason and an owner", async () => {
    for (const { file, integrity, reason, owner } of SCRIPTS) {
      expect(reason.length).toBeGreaterThan(20);
      expect(owner).not.toBe("");
      if (file === null) continue;
      const bytes = await Bun.file(`${REPOSITORY}/${file}`).text();
      expect(`sha384-${new Bun.CryptoHasher("sha384").update(bytes).digest("base64")}`).toBe(integrity ?? "");
    }
    const served = Object.values(assets).filter(({ type }) => type.startsWith("text/javascript"));
    expect(served.map(({ integrity }) => integrity).toSorted()).toEqual(
      SCRIPTS.flatMap(({ integrity }) => integrity ?? []).toSorted(),
    );
  });

  test("every file for browsers and every script tag is listed", async () => {
    const files = await Array.fromAsync(
      new Bun.Glob("internal/storefront/client/*.js").scan({ cwd: REPOSITORY }),
    );
    expect(files.toSorted()).toEqual(SCRIPTS.flatMap(({ file }) => file ?? []).toSorted());
    const sources = await Array.fromAsync(
      new Bun.Glob("internal/storefront/**/*.tsx").scan({ cwd: REPOSITORY }),
    );
    const texts = await Promise.all(sources.map((path) => Bun.file(`${REPOSITORY}/${path}`).text()));
    const tags = texts.flatMap((text) => [
      ...text.matchAll(/<script\b[^>]*?\bsrc=(?:"([^"]*)"|\{([^}]*)\})/g),
    ]);
    expect(tags.map(([, address, expression]) => address ?? expression ?? "").toSorted()).toEqual(
      SCRIPTS.map(({ tag }) => tag).toSorted(),
    );
    // No page writes a script or a handler into its HTML. The one text that is not escaped is the style sheet.
    const raw = texts.flatMap((text) => [...text.matchAll(/dangerouslySetInnerHTML=\{[^}]*/g)]);
    expect(raw.map(([found]) => found)).toEqual(["dangerouslySetInnerHTML={{ __html: STYLE_SHEET "]);
    expect(texts.filter((text) => /\son[A-Z]\w+=/.test(text))).toEqual([]);
  });
});
