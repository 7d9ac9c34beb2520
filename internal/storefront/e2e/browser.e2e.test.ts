// Shoppers with a real browser (Chromium) at the whole system: buying with and without scripts, pressing twice, reloading, a refused card.
// Needs a Chromium on the PATH, or its path in CHROMIUM.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { mintToken } from "../../operations/token.ts";
import { RunningSystem } from "../../stack/e2e/running-system.ts";
import { REPOSITORY } from "../../stack/paths.ts";

const TIMEOUT_MS = 180_000;
/** The mails link to it. No such host is needed: the test follows the path at the gateway's address. */
const SHOP_URL = "https://shop.example";
const SHOP_LINK_SECRET = "a secret of links with more than thirty-two characters";
const WAIT_MS = 30_000;
const STATUS_PAGE = /\/checkout\/([0-9a-f-]{36})$/;
const AXE = readFileSync(`${REPOSITORY}/node_modules/axe-core/axe.min.js`, "utf8");
const AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const held = new AsyncDisposableStack();
let system: RunningSystem;
let browser: Browser;
let shop: string;

beforeAll(async () => {
  system = held.use(
    await RunningSystem.start("browser", {
      gateway: { SHOP_LINK_SECRET },
      notification: { SHOP_LINK_SECRET, SHOP_URL },
    }),
  );
  await system.restock("mug-red", 50);
  await system.restock("teapot-blue", 50);
  const executablePath = process.env["CHROMIUM"] ?? Bun.which("chromium") ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  held.defer(() => browser.close());
  // A name, not an address: the cookies must also work where a shop is tried out.
  shop = system.context.addresses.gateway.replace("127.0.0.1", "localhost");
}, TIMEOUT_MS);
afterAll(() => held.disposeAsync(), TIMEOUT_MS);

/** A signed-in shopper with one mug in the cart, at the checkout with the address filled in. */
async function atCheckout(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ locale: "en-IE", ...options });
  held.defer(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const { token } = await mintToken(
    Bun.randomUUIDv7(),
    system.context.secrets.jwt_hs256_secret,
    3_600,
    Date.now(),
  );
  await page.goto(`${shop}/signin?token=${token}&back=/products/mug-red`);
  await page.click("main form button");
  await page.click(".buy button");
  await page
    .waitForFunction(() => document.getElementById("cart-count")?.textContent === "1")
    .catch(() => null);
  await page.goto(`${shop}/checkout`);
  const address = {
    email: "ada@example.com",
    name: "Ada",
    line1: "Main St 1",
    postal_code: "10115",
    city: "Berlin",
  };
  for (const [field, text] of Object.entries(address)) await page.fill(`#f-${field}`, text);
  await page.selectOption("#f-country", "DE");
  return page;
}

function sagaOf(page: Page): string {
  return STATUS_PAGE.exec(page.url())?.[1] ?? "";
}

async function charges(sagaId: string): Promise<number> {
  const entries = await system.ledgerOf(sagaId);
  return entries.filter(({ kind }) => kind === "charge").length;
}

test(
  "a double press is one order; the page follows it by itself; reload and back repeat nothing",
  async () => {
    const page = await atCheckout();
    await page.dblclick("[data-place]");
    await page.waitForURL(STATUS_PAGE);
    const saga = sagaOf(page);
    await page.waitForSelector('[data-stage="confirmed"]');
    expect(await page.textContent("h1")).toBe("Your order is confirmed");
    await page.reload();
    await page.goto(`${shop}/cart`);
    expect(await page.textContent("main h2")).toBe("Your cart is empty.");
    await page.goBack();
    expect(sagaOf(page)).toBe(saga);
    await page.goto(`${shop}/orders`);
    expect(await page.locator(".order-card").count()).toBe(1);
    expect(await charges(saga)).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "without scripts: a refused card is said in words, and the second try with another card is the order",
  async () => {
    const page = await atCheckout({ javaScriptEnabled: false });
    await page.check('[value="pm_card_chargeDeclined"]');
    await page.click("[data-place]");
    await page.waitForURL(STATUS_PAGE);
    // The page loads itself again every 3 s.
    await page.waitForSelector('[data-stage="not_ordered"]');
    expect(await page.textContent("h1")).toBe("Your bank said no");
    expect(await page.textContent(".money")).toBe("You have not been charged.");
    await page.click(".actions a >> nth=0");
    expect(await page.inputValue("#f-city")).toBe("Berlin");
    await page.click("[data-place]");
    await page.waitForSelector('[data-stage="confirmed"]');
    expect(await charges(sagaOf(page))).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "an answer that is lost on the way is asked for again, and there is one order",
  async () => {
    const page = await atCheckout();
    let presses = 0;
    await page.route("**/checkout", async (route) => {
      if (route.request().method() !== "POST" || ++presses > 1) return route.continue();
      // It arrives, and its answer does not.
      await route.fetch({ maxRedirects: 0 });
      return route.abort();
    });
    await page.click("[data-place]");
    await page.waitForSelector('[data-stage="confirmed"]');
    expect(presses).toBe(2);
    await page.goto(`${shop}/orders`);
    expect(await page.locator(".order-card").count()).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "the link in the mail shows the order to somebody who is not signed in, without the address",
  async () => {
    const page = await atCheckout();
    await page.click("[data-place]");
    await page.waitForSelector('[data-stage="confirmed"]');
    const saga = sagaOf(page);
    const { source } = await system.mailAbout(saga, "order_confirmed");
    // Quoted-printable.
    const text = source.replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
    const path = new RegExp(`${SHOP_URL}(/checkout/${saga}\\?k=\\S+)`).exec(text)?.[1] ?? "no link";
    const guest = await browser.newContext();
    held.defer(() => guest.close());
    const stranger = await guest.newPage();
    await stranger.goto(shop + path);
    expect(await stranger.textContent("h1")).toBe("Your order is confirmed");
    expect(await stranger.content()).not.toContain("Main St 1");
    await stranger.goto(`${shop}/checkout/${saga}`);
    expect(await stranger.textContent("h1")).toBe("Sign in");
  },
  TIMEOUT_MS,
);

describe("every page is accessible, fits 320 px and breaks no policy", () => {
  test.each(["light", "dark"] as const)(
    "%s",
    async (colorScheme) => {
      const page = await atCheckout({ colorScheme, viewport: { width: 320, height: 640 } });
      const blocked: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") blocked.push(message.text());
      });
      for (const path of ["/", "/products/mug-red", "/cart", "/checkout", "/orders"]) {
        await page.goto(shop + path);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
        await page.evaluate(AXE);
        const rules = JSON.stringify({ runOnly: AXE_RULES });
        const found: { violations: { id: string; nodes: { html: string }[] }[] } = await page.evaluate(
          `axe.run(document, ${rules})`,
        );
        expect(found.violations.map(({ id, nodes }) => `${path} ${id}: ${nodes[0]?.html ?? ""}`)).toEqual([]);
      }
      expect(blocked).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
