// Somebody of the company with a real browser (Chromium) at a console that is behind a proxy: signing in at the identity provider leads back to
// the page that they wanted, and the orchestrator believes who it is that stops a checkout. Also the pictures of the last hour, for which the
// same system does. Called by console.e2e.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { cartOf } from "../../../bench/shopper.ts";
import { CURRENCY, type RunningSystem } from "../../stack/e2e/running-system.ts";
import { waitUntil } from "../../stack/wait.ts";
import { CLIENT, OidcProvider } from "../../testkit/oidc-provider.ts";
import { accessibilityFaults, openBrowser, TIMEOUT_MS } from "../../testkit/shop-browser.ts";

const SKU = "mug-red";
const WAIT_MS = 30_000;

/** Whether anything is drawn, and how many points there are. */
const PAINTED = `(() => {
  const canvas = document.querySelector("[data-plot=g-lag] canvas");
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0);
})()`;
const POINTS = `JSON.parse(document.querySelector("#g-lag [data-points]").dataset.points).at.length`;

let system: RunningSystem;
let browser: Browser;
let provider: OidcProvider;
/** The proxy's address: the only one that browsers know. */
let site: string;

async function newPage(options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ locale: "en-IE", ...options });
  context.setDefaultTimeout(WAIT_MS);
  return context.newPage();
}

/** Defines the tests. */
export function oidc(running: () => RunningSystem): void {
  const held = new AsyncDisposableStack();
  beforeAll(async () => {
    let consoleAddress = "";
    const proxy = Bun.serve({
      // A stream may be silent for longer than the default of 10 s.
      idleTimeout: 0,
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const { pathname, search } = new URL(request.url);
        return fetch(`${consoleAddress}${pathname}${search}`, {
          method: request.method,
          headers: request.headers,
          body: request.body,
          redirect: "manual",
          decompress: false,
        });
      },
    });
    held.defer(() => proxy.stop(true));
    site = `http://localhost:${proxy.port}`;
    provider = held.use(new OidcProvider(`${site}/sign-in/oidc/callback`));
    system = running();
    const another = await system.oneMore("console", {
      CONSOLE_URL: site,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: CLIENT.id,
      OIDC_CLIENT_SECRET: CLIENT.secret,
      OIDC_OPERATOR_ROLE: "checkout-ops",
      OIDC_VIEWER_ROLE: "support",
      OIDC_ROLES_CLAIM: "groups",
      OPERATORS_PRIVATE_JWK: system.context.secrets.operators_private_jwk,
      TRUSTED_PROXIES: "1",
    });
    held.use(another);
    consoleAddress = another.address;
    browser = held.adopt(await openBrowser(), (open) => open.close());
    await system.restock(SKU, 50);
  }, TIMEOUT_MS);
  afterAll(() => held.disposeAsync(), TIMEOUT_MS);

  test(
    "an operator signs in there, comes back to the saga, and stops it under their own name",
    async () => {
      const cart = cartOf([SKU], "pm_card_visa", CURRENCY);
      const shopper = await system.shopper();
      const page = await newPage();
      // The checkout waits for as long as it takes to sign in and to stop it.
      system.stack.kill("order", "SIGSTOP");
      try {
        const { saga_id } = await shopper.checkout(cart, crypto.randomUUID(), Date.now() + WAIT_MS);
        await page.goto(`${site}/sagas/${saga_id}`);
        await page.waitForURL(`${site}/sign-in?*`);
        await page.click("a:text('Sign in at')");
        await page.waitForURL(`${site}/sagas/${saga_id}`);
        expect(await page.textContent(".who")).toContain("olga");
        // Stopped before anything was asked of the provider, it would be undone at once.
        await page.waitForSelector("#s-words :text('waiting for the order service')");
        await page.click("[data-opens=cancel]");
        await page.fill("#cancel-reason", "ticket 4712");
        await page.keyboard.press("Enter");
        await page.waitForSelector("#s-words :text-is('COMPENSATING')");
      } finally {
        system.stack.kill("order", "SIGCONT");
      }
      await page.waitForSelector("#s-words :text-is('COMPENSATED')");
      // The orchestrator writes this line, with the name from the token that it was shown.
      expect(await page.textContent("#s-timeline")).toContain("saga.cancel by olga");
      await page.goto(`${site}/me`);
      expect(await page.textContent("main")).toContain("signed in with the identity provider");
      await page.click("text=Sign out");
      await page.waitForURL(`${site}/sign-in?out=1`);
      await page.goto(`${site}/me`);
      expect(page.url()).toStartWith(`${site}/sign-in`);
    },
    TIMEOUT_MS,
  );

  test(
    "the last hour is drawn, stays live, and is a table for those without scripts",
    async () => {
      for (const options of [
        { colorScheme: "light", viewport: { width: 1_280, height: 900 } },
        { colorScheme: "dark", viewport: { width: 320, height: 800 } },
      ] as const) {
        const page = await newPage(options);
        const complaints: string[] = [];
        page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(String(error)));
        await page.goto(`${site}/sign-in/oidc?back=/graphs`);
        await page.waitForURL(`${site}/graphs`);
        await page.waitForSelector("[data-plot=g-lag] canvas");
        expect(await page.textContent("[data-plot=g-lag] .u-legend")).toContain("checkout-commands, payment");
        expect(await page.textContent("[data-plot=g-event-loop] .u-legend")).toContain("orchestrator");
        // Nobody points at a moment: the legend has the newest figures, and each line's dash.
        expect(await page.textContent("[data-plot=g-lag] .u-legend")).toMatch(/payment:?\s*\d/);
        expect(
          await page.getAttribute("[data-plot=g-lag] .u-series:nth-child(3) .u-marker", "style"),
        ).toContain("repeating-linear-gradient");
        expect(await page.evaluate(PAINTED)).toBe(true);
        expect(await page.locator("details[data-behind][open]").count()).toBe(0);
        // The next point comes by itself.
        const before = Number(await page.evaluate(POINTS));
        const isNext = async () => Number(await page.evaluate(POINTS)) > before;
        await waitUntil("the next point comes", isNext, { timeoutMs: WAIT_MS });
        expect(await accessibilityFaults(page)).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
        expect(complaints).toEqual([]);
        const { cookies } = await page.context().storageState();
        const plain = await newPage({ ...options, javaScriptEnabled: false });
        await plain.context().addCookies(cookies);
        await plain.goto(`${site}/graphs`);
        expect(await plain.locator("#g-lag table").isVisible()).toBe(true);
        expect(await plain.textContent("#g-lag thead")).toContain("checkout-commands, payment");
      }
    },
    TIMEOUT_MS,
  );

  test(
    "somebody without a role is told so; when the provider is away, the page says that",
    async () => {
      provider.person = { sub: "u-9", preferred_username: "nina", groups: ["sales"] };
      const page = await newPage();
      await page.goto(`${site}/sign-in`);
      await page.click("a:text('Sign in at')");
      await page.waitForSelector("#note:text('nina is neither an operator nor a viewer here')");
      await page.goto(`${site}/`);
      expect(page.url()).toStartWith(`${site}/sign-in`);
      provider.outage = new Response("busy", { status: 503 });
      await page.goto(`${site}/sign-in/oidc`);
      // What it knows of the provider it keeps, so the provider's own page is what is missing.
      expect(await page.textContent("body")).toContain("busy");
    },
    TIMEOUT_MS,
  );
}
