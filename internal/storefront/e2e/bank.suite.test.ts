// A bank that asks the shopper to confirm (3-D Secure), in a real browser: confirmed, refused, abandoned, with and without scripts. Called by
// shop.e2e.test.ts.
import { beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import type { RoleOverrides } from "../../stack/role-env.ts";
import {
  accessibilityFaults,
  atStage,
  sagaOf,
  type ShopBrowser,
  STATUS_PAGE,
  TIMEOUT_MS,
} from "../../testkit/shop-browser.ts";

const CARD = "pm_card_threeDSecure2Required";
/** Long enough for a test at the bank, short enough to wait for the shopper who never comes. */
const ACTION_MS = 15_000;
export const BANK: RoleOverrides = { orchestrator: { ACTION_DEADLINE_MS: String(ACTION_MS) } };
const BANK_PAGE = /\/bank\/pi_/;
const MORE_TIME = "[data-more-time] button";

let shoppers: ShopBrowser;
/** The address that the bank sends the shopper back to: the gateway's, by number. */
let shop: string;
/** Asked first and looked at last, because nobody answers its bank. */
let abandoned: Page;

/** Defines the tests. The shop has the SKU, and the roles have the settings BANK. */
export function bank(running: () => ShopBrowser): void {
  beforeAll(async () => {
    shoppers = running();
    shop = shoppers.system.context.addresses.gateway;
    abandoned = await asked();
  }, TIMEOUT_MS);

  /** A shopper at the status page, whose bank wants a confirmation. */
  async function asked(options: Parameters<ShopBrowser["atCheckout"]>[1] = {}): Promise<Page> {
    const page = await shoppers.placed("teapot-blue", CARD, options, shop);
    await atStage(page, "confirm_at_bank");
    return page;
  }

  /** From the status page to the bank, which is another site for the browser: cookies and policies work as with a real one. */
  async function toBank(page: Page): Promise<void> {
    await page.click(".actions a");
    await page.waitForURL(BANK_PAGE);
    await page.goto(page.url().replace("127.0.0.1", "localhost"));
  }

  test(
    "confirmed: back at the shop the order is confirmed, and no secret stays in the address or the history",
    async () => {
      const page = await asked();
      const saga = sagaOf(page);
      expect(await page.textContent(".money")).toBe("You have not been charged.");
      await toBank(page);
      expect(await page.textContent("main")).toContain("12.50 EUR");
      const history: string[] = [];
      page.on("framenavigated", (frame) => history.push(frame.url()));
      await page.click('[value="confirm"]');
      expect(await atStage(page, "confirmed")).toEqual({
        title: "Your order is confirmed",
        money: "You paid €12.50.",
      });
      expect(page.url()).toBe(`${shop}/checkout/${saga}`);
      expect(history.filter((url) => url.includes("secret"))).toEqual([]);
      expect(await shoppers.ledger(saga)).toEqual(["action", "charge"]);
      // The way back does not lead to a second payment.
      await page.goBack();
      await page.waitForURL(STATUS_PAGE);
      expect(await page.textContent("h1")).toBe("Your order is confirmed");
    },
    TIMEOUT_MS,
  );

  /** When the wait on the page ends, epoch ms. */
  async function endOf(page: Page): Promise<number> {
    return Date.parse((await page.getAttribute("[role=timer]", "data-until")) ?? "");
  }

  test(
    "who needs more time presses a button, confirms after the first end, and has the order",
    async () => {
      const page = await asked();
      const first = await endOf(page);
      await page.click(MORE_TIME);
      await page.waitForSelector(MORE_TIME, { state: "detached" });
      expect((await endOf(page)) - first).toBe(ACTION_MS);
      // The new end is where screen readers hear it, and who pressed the button stays near it.
      expect(await page.getAttribute("#state time", "datetime")).toBe(
        new Date(first + ACTION_MS).toISOString(),
      );
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
      await page.waitForFunction((end) => Date.now() > end, first);
      // The one that was asked before has had no more time, so the first end has really come.
      await atStage(abandoned, "not_ordered");
      await toBank(page);
      await page.click('[value="confirm"]');
      expect((await atStage(page, "confirmed")).money).toBe("You paid €12.50.");
      expect(await shoppers.ledger(sagaOf(page))).toEqual(["action", "charge"]);
    },
    TIMEOUT_MS,
  );

  test(
    "refused, without scripts: not ordered, not charged, and the next try has the cart and the address",
    async () => {
      const page = await asked({ javaScriptEnabled: false });
      const first = await endOf(page);
      await page.click(MORE_TIME);
      await page.waitForURL(STATUS_PAGE);
      expect([await page.locator(MORE_TIME).count(), (await endOf(page)) - first]).toEqual([0, ACTION_MS]);
      await toBank(page);
      await page.click('[value="refuse"]');
      expect(await atStage(page, "not_ordered")).toEqual({
        title: "The payment was not confirmed at your bank",
        money: "You have not been charged.",
      });
      expect(page.url()).not.toContain("secret");
      expect(await shoppers.ledger(sagaOf(page))).toEqual(["action", "decline", "cancel"]);
      await page.click(".actions a >> nth=0");
      expect(await page.inputValue("#f-city")).toBe("Berlin");
      expect(await page.textContent("[data-place]")).toBe("Place order and pay €12.50");
    },
    TIMEOUT_MS,
  );

  test(
    "the time left is counted down without announcing each second, and less often with reduced motion",
    async () => {
      const page = await asked({ reducedMotion: "no-preference" });
      const left = "[role=timer]";
      const first = await page.textContent(left);
      expect(first).toMatch(/^0\smin 1?\d\ss left\.$/);
      await page.waitForFunction(
        ([selector, text]) => document.querySelector(selector ?? "")?.textContent !== text,
        [left, first],
      );
      expect(await page.locator('[aria-live], [role="status"]').locator(left).count()).toBe(0);
      await page.emulateMedia({ reducedMotion: "reduce" });
      await page.reload();
      expect(await page.textContent(left)).toBe("0\u00a0min 0\u00a0s left.");
    },
    TIMEOUT_MS,
  );

  test(
    "a second tab at the same order follows the answer that is given in the first",
    async () => {
      const first = await asked();
      const second = await first.context().newPage();
      await second.goto(first.url());
      await atStage(second, "confirm_at_bank");
      await toBank(first);
      await first.click('[value="confirm"]');
      expect((await atStage(second, "confirmed")).money).toBe("You paid €12.50.");
      expect((await shoppers.ledger(sagaOf(second))).filter((kind) => kind === "charge")).toHaveLength(1);
      // A shopper who comes to the bank too late is sent back, and pays nothing again.
      await second.goto(`${second.url()}/bank`);
      expect(second.url()).toMatch(STATUS_PAGE);
    },
    TIMEOUT_MS,
  );

  describe("the question and the bank's page are accessible", () => {
    test.each(["light", "dark"] as const)(
      "%s",
      async (colorScheme) => {
        const page = await asked({ colorScheme, viewport: { width: 320, height: 640 } });
        expect(await accessibilityFaults(page)).toEqual([]);
        await toBank(page);
        // The bank's policy lets no script in, not even the checker's.
        const answer = await page.content();
        const copy = await page.context().newPage();
        await copy.setContent(answer);
        expect(await accessibilityFaults(copy)).toEqual([]);
      },
      TIMEOUT_MS,
    );
  });

  test(
    "abandoned: the page says by itself that the time is over and nothing was charged; the bank's page is closed",
    async () => {
      const tab = await abandoned.context().newPage();
      await tab.goto(abandoned.url());
      expect(await atStage(abandoned, "not_ordered")).toEqual({
        title: "The payment was not confirmed in time",
        money: "You have not been charged.",
      });
      await atStage(tab, "not_ordered");
      expect(await shoppers.ledger(sagaOf(abandoned))).toEqual(["action", "cancel"]);
      await abandoned.click(".actions a >> nth=0");
      expect(await abandoned.inputValue("#f-city")).toBe("Berlin");
    },
    TIMEOUT_MS,
  );
}
