// A real browser (Chromium) at the whole system, for the suites of internal/storefront/e2e. Needs Debian's chromium-headless-shell or chromium
// on the PATH, or the path of another one in CHROMIUM.
import { readFileSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { mintToken } from "../operations/token.ts";
import { RunningSystem } from "../stack/e2e/running-system.ts";
import { REPOSITORY } from "../stack/paths.ts";
import type { RoleOverrides } from "../stack/role-env.ts";
import { waitUntil } from "../stack/wait.ts";
import { CART, SESSION } from "../storefront/cookies.ts";

export const TIMEOUT_MS = 180_000;
export const STATUS_PAGE = /\/checkout\/([0-9a-f-]{36})$/;
const WAIT_MS = 60_000;
/** Pieces of each product. */
const STOCK = 50;
const TOKEN_SECONDS = 3_600;
const AXE = readFileSync(`${REPOSITORY}/node_modules/axe-core/axe.min.js`, "utf8");
const AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const ADDRESS = {
  email: "ada@example.com",
  name: "Ada",
  line1: "Main St 1",
  postal_code: "10115",
  city: "Berlin",
};

export class ShopBrowser implements AsyncDisposable {
  readonly system: RunningSystem;
  readonly browser: Browser;
  /** The shop's address. A name, not a number: its cookies must work here, too. */
  readonly shop: string;

  private constructor(system: RunningSystem, browser: Browser) {
    this.system = system;
    this.browser = browser;
    this.shop = system.context.addresses.gateway.replace("127.0.0.1", "localhost");
  }

  /**
   * Starts the system with a shelf of `skus`, all before the first page, because pages keep the catalogue for some seconds. `settings`: of
   * roles, until `changeTo` replaces them.
   */
  static async start(
    name: string,
    skus: readonly string[],
    overrides: RoleOverrides,
    settings: RoleOverrides = {},
  ): Promise<ShopBrowser> {
    const system = await RunningSystem.startWith(name, { overrides }, settings);
    for (const sku of skus) await system.restock(sku, STOCK);
    return new ShopBrowser(system, await openBrowser());
  }

  /** Adds `skus` to the shelf, and waits until the pages show them. */
  async offer(skus: readonly string[]): Promise<void> {
    for (const sku of skus) await this.system.restock(sku, STOCK);
    const isShown = async (sku: string) => (await fetch(`${this.shop}/products/${sku}`)).status === 200;
    const areShown = async () => (await Promise.all(skus.map(isShown))).every(Boolean);
    await waitUntil("the shop shows them all", areShown, { timeoutMs: WAIT_MS, intervalMs: 500 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.system[Symbol.asyncDispose]();
  }

  /** A new shopper, signed in, at the page of `sku`. */
  async signedIn(sku: string, options: BrowserContextOptions = {}, shop = this.shop): Promise<Page> {
    const page = await this.#newPage(options);
    await page.goto(`${shop}/signin?token=${await this.#token()}&back=/products/${sku}`);
    await page.click("main form button");
    await page.waitForURL(`**/products/${sku}*`);
    return page;
  }

  /**
   * A new shopper with one `sku` in the cart, at the checkout with the address filled in. They want little motion: what moves on a page is
   * drawn sixty times a second, which costs more than the rest of the page.
   */
  async atCheckout(sku: string, options: BrowserContextOptions = {}, shop = this.shop): Promise<Page> {
    const page = await this.#newPage({ reducedMotion: "reduce", ...options });
    // As they are after the sign-in and a press on "Add to cart", which have their own tests; that saves three page loads.
    const cookies = { [SESSION]: await this.#token(), [CART]: `${sku}!1` };
    await page.context().addCookies(
      Object.entries(cookies).map(([name, value]) => ({
        name,
        value,
        // `__Host-` needs a secure address; browsers send such cookies to this machine without TLS as well.
        url: shop.replace("http:", "https:"),
        secure: true,
        httpOnly: true,
        sameSite: "Lax" as const,
      })),
    );
    await page.goto(`${shop}/checkout`);
    await fillAddress(page);
    return page;
  }

  async #newPage(options: BrowserContextOptions): Promise<Page> {
    const context = await this.browser.newContext({ locale: "en-IE", ...options });
    context.setDefaultTimeout(WAIT_MS);
    return context.newPage();
  }

  async #token(): Promise<string> {
    const secret = this.system.context.secrets.jwt_hs256_secret;
    const { token } = await mintToken(Bun.randomUUIDv7(), secret, TOKEN_SECONDS, Date.now());
    return token;
  }

  /** A new shopper's order of one `sku` with this card, at its status page. */
  async placed(sku: string, card: string, options: BrowserContextOptions = {}, shop = this.shop) {
    const page = await this.atCheckout(sku, options, shop);
    await page.check(`[value="${card}"]`);
    await place(page);
    return page;
  }

  /** The kinds of the provider's entries about the order of this status page. */
  async ledger(saga: string): Promise<string[]> {
    return (await this.system.ledgerOf(saga)).map(({ kind }) => kind);
  }
}

/** The headless shell is the same browser without windows. A new page in it costs a third of the CPU that it costs in the whole one. */
export function openBrowser(): Promise<Browser> {
  const installed = Bun.which("chromium-headless-shell") ?? Bun.which("chromium");
  const executablePath = process.env["CHROMIUM"] ?? installed ?? "/usr/bin/chromium-headless-shell";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

export async function fillAddress(page: Page): Promise<void> {
  for (const [field, text] of Object.entries(ADDRESS)) await page.fill(`#f-${field}`, text);
  await page.selectOption("#f-country", "DE");
}

export async function place(page: Page): Promise<void> {
  await page.click("[data-place]");
  await page.waitForURL(STATUS_PAGE);
}

export function sagaOf(page: Page): string {
  return STATUS_PAGE.exec(page.url())?.[1] ?? "";
}

/** Waits until the status page shows the stage, and returns its headline and the sentence about the money. */
export async function atStage(page: Page, stage: string): Promise<{ title: string; money: string }> {
  await page.waitForSelector(`[data-stage="${stage}"]`);
  const [title, money] = await Promise.all([page.textContent("h1"), page.textContent(".money")]);
  return { title: title ?? "", money: money ?? "" };
}

/** What axe-core finds on this page, each with its place. It is asked for nothing else: what passed is ten times as long. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // `void`: the value of its script would be sent here.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(`${AXE}; void 0`);
  const rules = JSON.stringify({ runOnly: AXE_RULES, resultTypes: ["violations"] });
  const found: { id: string; html: string }[] = await page.evaluate(
    `axe.run(document, ${rules}).then(({ violations }) => violations.map(({ id, nodes }) => ({ id, html: nodes[0]?.html ?? "" })))`,
  );
  return found.map(({ id, html }) => `${page.url()} ${id}: ${html}`);
}
