// Shoppers with a real browser (Chromium) at the whole system: buying with and without scripts and by keyboard, pressing twice, two tabs,
// reloading, a gateway that dies. Called by shop.e2e.test.ts. Refusals are in failures.suite.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import {
  accessibilityFaults,
  atStage,
  fillAddress,
  place,
  sagaOf,
  type ShopBrowser,
  STATUS_PAGE,
  TIMEOUT_MS,
} from "../../testkit/shop-browser.ts";

/** The mails link to it. No such host is needed: the test follows the path at the gateway's address. */
const SHOP_URL = "https://shop.example";
const SHOP_LINK_SECRET = "a secret of links with more than thirty-two characters";
/** Of gateway and notification. */
export const MAIL_LINKS = { gateway: { SHOP_LINK_SECRET }, notification: { SHOP_LINK_SECRET, SHOP_URL } };
const SKU = "mug-red";
const CARD = "pm_card_visa";
const MAX_TABS = 60;

let shoppers: ShopBrowser;
let shop: string;

/** Defines the tests. The shop has the SKU, and MAIL_LINKS are its settings. */
export function buying(running: () => ShopBrowser): void {
  const held = new AsyncDisposableStack();
  afterAll(() => held.disposeAsync());
  beforeAll(() => {
    shoppers = running();
    ({ shop } = shoppers);
  });

  async function charges(page: Page): Promise<number> {
    return (await shoppers.ledger(sagaOf(page))).filter((kind) => kind === "charge").length;
  }

  test.concurrent(
    "a double press is one order; the page follows it by itself; reload and back repeat nothing",
    async () => {
      const page = await shoppers.signedIn(SKU);
      await page.click(".buy button");
      await page.waitForSelector(".message.is-shown");
      await page.click(".to-cart");
      await page.click(".summary a");
      await page.waitForSelector("[data-place]");
      await fillAddress(page);
      await page.dblclick("[data-place]");
      await page.waitForURL(STATUS_PAGE);
      const saga = sagaOf(page);
      await page.waitForSelector('[data-stage="confirmed"]');
      expect(await page.textContent("h1")).toBe("Your order is confirmed");
      expect(await page.isHidden("#cart-count")).toBe(true);
      await page.reload();
      await page.goto(`${shop}/cart`);
      expect(await page.textContent("main h2")).toBe("Your cart is empty.");
      await page.goBack();
      expect(sagaOf(page)).toBe(saga);
      await page.goto(`${shop}/orders`);
      expect(await page.locator(".order-card").count()).toBe(1);
      expect(await shoppers.ledger(saga)).toEqual(["charge"]);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a form with something wrong is shown again in place, with the focus on what is wrong, and then orders once",
    async () => {
      const page = await shoppers.atCheckout(SKU);
      const address = page.url();
      await page.fill("#f-email", "nobody");
      await page.click("[data-place]");
      await page.waitForSelector("#errors");
      // No other page was loaded: this one has the answer's content, title and footer.
      expect(page.url()).toBe(address);
      expect(await page.locator(":focus").getAttribute("id")).toBe("errors");
      expect(await page.textContent("#errors a")).toContain("Enter an e-mail address");
      expect([await page.inputValue("#f-email"), await page.inputValue("#f-city")]).toEqual([
        "nobody",
        "Berlin",
      ]);
      expect(await page.locator("main").count()).toBe(1);
      expect(await page.locator('footer [form="checkout-form"]').count()).toBeGreaterThan(0);
      // The button is free again, and the form is the one that its script knows.
      await page.fill("#f-email", "shopper@example.com");
      await place(page);
      await atStage(page, "confirmed");
      expect(await charges(page)).toBe(1);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "without scripts: a refused card is said in words, and the second try with another card is the order",
    async () => {
      const page = await shoppers.atCheckout(SKU, { javaScriptEnabled: false });
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
      expect(await charges(page)).toBe(1);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "presses of Add while one is on its way, here and in another tab, are all in the cart",
    async () => {
      const page = await shoppers.signedIn(SKU);
      const tab = await page.context().newPage();
      await tab.goto(page.url());
      const pressed = Promise.withResolvers<void>();
      await page.context().route("**/cart", async (route) => {
        if (route.request().method() === "POST") await pressed.promise;
        return route.continue();
      });
      await page.dblclick(".buy button");
      await tab.click(".buy button");
      pressed.resolve();
      await page.waitForSelector("#cart-count:text-is('3')");
      expect(await page.textContent("#message")).toBe("Added to your cart. It holds 3 items now.");
      await tab.goto(`${shop}/cart`);
      expect(await tab.inputValue("[name=quantity]")).toBe("3");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "an answer that is lost on the way is asked for again, and there is one order",
    async () => {
      const page = await shoppers.atCheckout(SKU);
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

  test.concurrent.each([true, false])(
    "a change of language keeps what was typed and orders nothing, and a wrong postal code is named; scripts: %p",
    async (javaScriptEnabled) => {
      const page = await shoppers.atCheckout(SKU, { javaScriptEnabled });
      await page.fill("#f-postal_code", "ABC");
      await page.click('footer button[lang="de"]');
      await page.waitForSelector('html[lang="de"]');
      expect(await page.inputValue("#f-city")).toBe("Berlin");
      expect(await page.inputValue("#f-country")).toBe("DE");
      await page.click("[data-place]");
      await page.waitForSelector("#errors");
      expect(await page.textContent("#errors li")).toBe(
        "Das ist keine Postleitzahl dieses Landes: Deutschland. Prüfen Sie beides.",
      );
      await page.fill("#f-postal_code", "10115");
      await page.click('footer button[value="dark"]');
      await page.waitForSelector('html[data-theme="dark"]');
      expect(await page.inputValue("#f-postal_code")).toBe("10115");
      await page.goto(`${shop}/orders`);
      expect(await page.locator(".order-card, .notice").count()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "the link in the mail shows the order to somebody who is not signed in, without the address",
    async () => {
      const page = await shoppers.atCheckout(SKU);
      await page.click("[data-place]");
      await page.waitForSelector('[data-stage="confirmed"]');
      const saga = sagaOf(page);
      const { source } = await shoppers.system.mailAbout(saga, "order_confirmed");
      // Quoted-printable.
      const text = source.replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
      const path = new RegExp(`${SHOP_URL}(/checkout/${saga}\\?k=\\S+)`).exec(text)?.[1] ?? "no link";
      const guest = await shoppers.browser.newContext();
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

  test.concurrent(
    "by keyboard alone, and the focus can always be seen",
    async () => {
      const page = await shoppers.signedIn(SKU);
      await page.goto(shop);
      await tabTo(page, `form:has([value="${SKU}"]) button`);
      await page.keyboard.press("Enter");
      await page.waitForSelector(".message.is-shown");
      await page.reload();
      await tabTo(page, ".to-cart");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/cart");
      await tabTo(page, ".summary a");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/checkout");
      for (const text of ["ada@example.com", "Ada", "", "Main St 1", "", "10115", "Berlin", ""]) {
        await tabTo(page, "input");
        await page.keyboard.type(text);
      }
      await tabTo(page, "#f-country");
      await page.keyboard.type("Germany");
      await tabTo(page, "[type=radio]");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Space");
      expect(await page.isChecked('[value="pm_card_mastercard"]')).toBe(true);
      await tabTo(page, "[data-place]");
      await page.keyboard.press("Space");
      await page.waitForURL(STATUS_PAGE);
      await atStage(page, "confirmed");
      await tabTo(page, ".actions a");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/orders/*");
      expect(await page.textContent("main")).toContain("Berlin");
      expect(await page.textContent("main")).toContain("Mastercard ending 4444");
    },
    TIMEOUT_MS,
  );

  /** Presses Tab until something that matches is focused, and checks that each focus on the way can be seen. */
  async function tabTo(page: Page, selector: string): Promise<void> {
    for (let presses = 0; presses < MAX_TABS; presses += 1) {
      await page.keyboard.press("Tab");
      const { isThere, isSeen, html } = await page.evaluate((wanted) => {
        const focused = document.activeElement ?? document.body;
        const { outlineStyle, outlineWidth } = getComputedStyle(focused);
        return {
          isThere: focused.matches(wanted),
          isSeen:
            focused === document.body || (outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2),
          html: focused.outerHTML.slice(0, 200),
        };
      }, selector);
      if (!isSeen) throw new Error(`the focus cannot be seen: ${html}`);
      if (isThere) return;
    }
    throw new Error(`${MAX_TABS} tabs do not lead to ${selector}`);
  }

  test.concurrent(
    "the same cart at the checkout in two tabs is one order, also for a press after the end",
    async () => {
      const first = await shoppers.atCheckout(SKU);
      const second = await first.context().newPage();
      await second.goto(`${shop}/checkout`);
      await fillAddress(second);
      const late = await first.context().newPage();
      await late.goto(`${shop}/checkout`);
      await fillAddress(late);
      await Promise.all([place(first), place(second)]);
      expect(sagaOf(second)).toBe(sagaOf(first));
      const third = await first.context().newPage();
      await third.goto(first.url());
      for (const tab of [first, second, third]) await atStage(tab, "confirmed");
      await place(late);
      expect(sagaOf(late)).toBe(sagaOf(first));
      expect(await charges(first)).toBe(1);
      // Ordering the same once more is another order.
      await first.goto(`${shop}/products/${SKU}`);
      await first.click(".buy button");
      await first.waitForSelector(".message.is-shown");
      await first.goto(`${shop}/checkout`);
      await place(first);
      expect(sagaOf(first)).not.toBe(sagaOf(second));
      await atStage(first, "confirmed");
    },
    TIMEOUT_MS,
  );

  test(
    "reloads while items are held and while the bank is asked show the same order; a gateway that dies is waited for",
    async () => {
      const { stack } = shoppers.system;
      const page = await shoppers.atCheckout(SKU);
      stack.kill("inventory", "SIGSTOP");
      try {
        await place(page);
        expect(await atStage(page, "holding")).toEqual({
          title: "Holding your items",
          money: "You have not been charged.",
        });
        await page.reload();
        await atStage(page, "holding");
      } finally {
        // The bank is as slow as whoever looks at the page.
        stack.kill("paysim", "SIGSTOP");
        stack.kill("inventory", "SIGCONT");
      }
      try {
        await atStage(page, "paying");
        const asked =
          "Your bank is being asked for €12.50. Please do not pay a second time while this page is working.";
        expect(await page.textContent(".money")).toBe(asked);
        await page.reload();
        expect(await page.textContent(".money")).toBe(asked);
        // The checkout leads back here, and not to a second order.
        await page.goto(`${shop}/checkout`);
        expect(page.url()).toMatch(STATUS_PAGE);
        await shoppers.system.end("gateway");
        await page.waitForFunction(() => document.getElementById("connection")?.textContent !== "");
      } finally {
        stack.kill("paysim", "SIGCONT");
      }
      await stack.restart("gateway");
      expect((await atStage(page, "confirmed")).money).toBe("You paid €12.50.");
      expect(await page.textContent("#connection")).toBe("");
      await page.reload();
      expect((await atStage(page, "confirmed")).title).toBe("Your order is confirmed");
      expect(await charges(page)).toBe(1);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "every page is accessible in both themes, fits 320 px and breaks no policy",
    async () => {
      const page = await shoppers.placed(SKU, CARD, { viewport: { width: 320, height: 640 } });
      const blocked: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") blocked.push(message.text());
      });
      const faults = async () => {
        const found: string[] = [];
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          found.push(...(await accessibilityFaults(page)).map((fault) => `${colorScheme}: ${fault}`));
        }
        return found;
      };
      await atStage(page, "confirmed");
      const status = new URL(page.url()).pathname;
      const order = (await page.getAttribute(".actions a", "href")) ?? "";
      await page.goto(`${shop}/products/${SKU}`);
      await page.click(".buy button");
      await page.waitForSelector(".message.is-shown");
      const paths = ["/", "/products/mug-red", "/cart", "/checkout", status, "/orders", order, "/signin"];
      for (const path of paths) {
        await page.goto(shop + path);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
        expect(await faults()).toEqual([]);
      }
      // The form with its faults.
      await page.goto(`${shop}/checkout`);
      await page.fill("#f-email", "nobody");
      await page.click("[data-place]");
      await page.waitForSelector("#errors");
      expect(await faults()).toEqual([]);
      // The answer 422 is no fault of the page.
      expect(blocked.filter((text) => !text.includes("422"))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "the audit of all these orders is clean",
    async () => {
      expect(await shoppers.system.audit()).toEqual({ code: 0, violations: [] });
    },
    TIMEOUT_MS,
  );
}
