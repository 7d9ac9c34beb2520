// Operators with a real browser (Chromium) at the whole system: signing in, watching a checkout live, stopping one by keyboard alone, what a
// viewer is refused, accessibility in both themes on wide and narrow screens. Called by console.e2e.test.ts.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { BrowserContextOptions } from "playwright-core";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import { CURRENCY, type RunningSystem } from "../../stack/e2e/running-system.ts";
import { OperatorBrowser } from "../../testkit/operator-browser.ts";
import { accessibilityFaults, TIMEOUT_MS } from "../../testkit/shop-browser.ts";

const SKU = "mug-red";
const WAIT_MS = 60_000;
let system: RunningSystem;
let operators: OperatorBrowser;
let shopper: Shopper;

/** Defines the tests. A checkout of the system waits for longer than a test. */
export function pages(running: () => RunningSystem): void {
  const held = new AsyncDisposableStack();
  beforeAll(async () => {
    system = running();
    operators = held.use(await OperatorBrowser.open(system));
    await system.restock(SKU, 50);
    shopper = await system.shopper();
  }, TIMEOUT_MS);
  afterEach(() => operators.closePages(), TIMEOUT_MS);
  afterAll(() => held.disposeAsync(), TIMEOUT_MS);

  const ada = (path = "/", options: BrowserContextOptions = {}) =>
    operators.signedInAt(path, "ada", "operator", options);
  const vic = (path = "/", options: BrowserContextOptions = {}) =>
    operators.signedInAt(path, "vic", "viewer", options);

  /** The order role stands still until the result is disposed of, so that checkouts wait for it. */
  function ordersHeld(): Disposable {
    system.stack.kill("order", "SIGSTOP");
    return { [Symbol.dispose]: () => system.stack.kill("order", "SIGCONT") };
  }

  /** Returns the saga's id. */
  async function placed(): Promise<string> {
    const cart = cartOf([SKU], "pm_card_visa", CURRENCY);
    const { saga_id } = await shopper.checkout(cart, crypto.randomUUID(), Date.now() + WAIT_MS);
    return saga_id;
  }

  test(
    "an operator finds a checkout by its id, stops it by keyboard alone, and watches it being undone",
    async () => {
      using orders = ordersHeld();
      const saga = await placed();
      const page = await ada();
      await page.waitForSelector("h1:text-is('Overview')");
      await page.keyboard.press("/");
      await page.keyboard.type(saga);
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/sagas/${saga}`);
      // Stopped earlier, it would wait for nobody and be undone within milliseconds, between two looks of the page.
      await page.waitForSelector("#s-words :text('waiting for the order service')");
      // The button by keyboard: its dialog takes the focus, and gives it back.
      await page.focus("[data-opens=cancel]");
      await page.keyboard.press("Enter");
      await page.waitForSelector("dialog[open] #cancel-reason");
      await page.keyboard.press("Escape");
      expect(await page.evaluate("document.activeElement.dataset.opens")).toBe("cancel");
      await page.keyboard.press("Enter");
      await page.focus("#cancel-reason");
      await page.keyboard.type("ticket 4711");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#s-words :text-is('COMPENSATING')");
      orders[Symbol.dispose]();
      await page.waitForSelector("#s-words :text-is('COMPENSATED')");
      expect(await page.textContent("#s-timeline")).toContain("saga.cancel by ada");
      expect(await page.textContent("#s-words")).toMatch(/^\s*Checkout cancelled by ada at .*: ticket 4711/);
      // Nothing was reloaded, and what makes no sense any more is not offered.
      await page.waitForSelector("#s-acts [aria-disabled=true]:text-is('Cancel the saga')");
      expect(await page.locator("[data-opens=cancel]").count()).toBe(0);
      const trail = await page.context().newPage();
      await trail.goto(`${operators.site}/audit?subject=${saga}`);
      // One line for the act and for who asked for it, with what became of it.
      expect(await trail.locator("[aria-label='Audit trail'] tbody tr").allInnerTexts()).toEqual([
        expect.stringMatching(/saga\.cancel[^]*asked for in the console[^]*cancelled[^]*ticket 4711/),
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    "a dialog keeps what was typed while the saga goes on, and the page follows when it closes",
    async () => {
      using orders = ordersHeld();
      const saga = await placed();
      const page = await ada(`/sagas/${saga}`);
      await page.click("[data-opens=cancel]");
      await page.fill("#cancel-reason", "ticket 47");
      orders[Symbol.dispose]();
      await page.waitForSelector("#s-words :text-is('COMPLETED')", { state: "attached" });
      expect(await page.inputValue("#cancel-reason")).toBe("ticket 47");
      await page.keyboard.press("Escape");
      await page.waitForSelector("[data-opens=cancel-order]");
      expect(await page.locator("[data-opens=cancel]").count()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "a viewer sees the same, cannot act, and is told why",
    async () => {
      using orders = ordersHeld();
      const saga = await placed();
      const page = await vic(`/sagas/${saga}`);
      const button = page.locator("button", { hasText: "Cancel the saga" });
      expect(await button.getAttribute("aria-disabled")).toBe("true");
      await button.focus();
      await page.keyboard.press("Enter");
      await page.waitForSelector("#message:text('needs the role operator')");
      expect(await page.locator("dialog[open]").count()).toBe(0);
      // The saga goes on, live.
      orders[Symbol.dispose]();
      await page.waitForSelector("#s-words :text-is('COMPLETED')");
      expect(await page.textContent("#s-words")).toContain("charged.");
    },
    TIMEOUT_MS,
  );

  test(
    "keys go to pages and through rows, never while somebody types",
    async () => {
      const saga = await placed();
      const page = await vic();
      await page.keyboard.press("g");
      await page.keyboard.press("s");
      await page.waitForURL(`${operators.site}/sagas`);
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/sagas/${saga}`);
      await page.keyboard.press("/");
      await page.keyboard.type("g o?");
      expect(page.url()).toEndWith(saga);
      expect(await page.inputValue("[data-find]")).toBe("g o?");
      await page.keyboard.press("Escape");
      await page.focus("#content");
      await page.keyboard.press("?");
      await page.waitForSelector("dialog#keys[open]");
    },
    TIMEOUT_MS,
  );

  test(
    "a filter is saved by a name, for this operator only, and rows are selected by keyboard to copy their ids",
    async () => {
      const saga = await placed();
      const page = await vic("/", { permissions: ["clipboard-read", "clipboard-write"] });
      await page.goto(`${operators.site}/sagas?product=mug&status=`);
      await page.fill("#view-name", "mugs <b>");
      await page.keyboard.press("Enter");
      await page.goto(`${operators.site}/sagas`);
      await page.click("[data-views-list] a:text-is('mugs <b>')");
      await page.waitForURL(`${operators.site}/sagas?product=mug`);
      await page.focus("#content");
      await page.keyboard.press("j");
      await page.keyboard.press("x");
      await page.waitForSelector("#message:text('1 selected')");
      await page.keyboard.press("c");
      await page.waitForSelector("#message:text('Copied.')");
      expect(await page.evaluate("navigator.clipboard.readText()")).toBe(saga);
      await page.click("[aria-label='Remove the view mugs <b>']");
      expect(await page.locator("[data-views-list] li").count()).toBe(0);
      // Another operator at this browser has their own.
      await page.evaluate(`localStorage.setItem("views:ada", '[{"name": "x", "query": ""}, 7]')`);
      await page.reload();
      expect(await page.locator("[data-views-list] li").count()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "no accessibility fault and no sideways scrolling at 1280 and at 320 px, light and dark",
    async () => {
      const saga = await placed();
      const page = await ada();
      const paths = [
        "/",
        `/sagas/${saga}`,
        "/sagas",
        "/sagas?currency=wrong",
        "/sagas?product=nothing",
        "/audit",
        "/audit?actor=nobody",
        "/audit?since=soon",
        "/payments",
        "/payments/alerts",
        "/dead-letters",
        "/runs",
        "/topics",
        `/topics/checkout-commands?saga=${saga}`,
        "/topics/checkout-commands?at=never",
        "/me",
        "/nowhere",
        "/find?q=nothing",
      ];
      for (const path of paths) {
        await page.goto(`${operators.site}${path}`);
        // Both themes on one load, because that costs as much as a look.
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          for (const width of [1_280, 320]) {
            await page.setViewportSize({ width, height: 800 });
            expect(await accessibilityFaults(page)).toEqual([]);
            const isWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
            expect([path, colorScheme, width, isWide]).toEqual([path, colorScheme, width, false]);
          }
        }
      }
    },
    TIMEOUT_MS,
  );

  test("no script, policy or stack trace of all these pages had anything to complain about", () => {
    expect(operators.complaints).toEqual([]);
  });
}
