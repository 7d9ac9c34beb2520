// Why an order is not placed, in a real browser: the words, the sentence about the money, and that the next step leads to an order. The
// bank's confirmation is in bank.suite.test.ts. Called by shop.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { cartOf } from "../../../bench/shopper.ts";
import { limitProvider } from "../../faults/provider-faults.ts";
import { CURRENCY } from "../../stack/e2e/running-system.ts";
import type { RoleOverrides } from "../../stack/role-env.ts";
import {
  atStage,
  fillAddress,
  place,
  sagaOf,
  type ShopBrowser,
  TIMEOUT_MS,
} from "../../testkit/shop-browser.ts";

const NOT_SERVED = "FO";
/** A provider that is away is given up soon after this. */
const FORWARD_DEADLINE_MS = 12_000;
const NOT_CHARGED = "You have not been charged.";
const SKUS = [
  "card-tea",
  "price-tea",
  "stock-tea",
  "money-tea",
  "cheap-tea",
  "far-tea",
  "down-tea",
  "back-tea",
];

export const FAILURES: RoleOverrides = {
  order: { ORDER_BLOCKED_COUNTRIES: NOT_SERVED },
  orchestrator: { FORWARD_DEADLINE_MS: String(FORWARD_DEADLINE_MS) },
};

let shoppers: ShopBrowser;

/** Defines the tests. The roles have the settings FAILURES. */
export function failures(running: () => ShopBrowser): void {
  beforeAll(async () => {
    shoppers = running();
    await shoppers.offer(SKUS);
  }, TIMEOUT_MS);

  test.concurrent(
    "each refusal of a card has its words, costs nothing, and another card is the order",
    async () => {
      const refusals: readonly (readonly [card: string, title: string, next: string])[] = [
        ["pm_card_chargeDeclined", "Your bank said no", "Try another card"],
        ["pm_card_chargeDeclinedInsufficientFunds", "Not enough money on the card", "Try another card"],
        ["pm_card_chargeDeclinedExpiredCard", "The card has expired", "Try another card"],
        ["pm_card_chargeDeclinedIncorrectCvc", "The card details were not right", "Try another card"],
        ["pm_card_chargeDeclinedProcessingError", "Your bank had a problem", "Try again"],
      ];
      const page = await shoppers.atCheckout("card-tea");
      // One shopper with bad luck: the cart and the address stay through all of it.
      for (const [card, title, next] of refusals) {
        await page.check(`[value="${card}"]`);
        await place(page);
        expect(await atStage(page, "not_ordered")).toEqual({ title, money: NOT_CHARGED });
        expect(await shoppers.ledger(sagaOf(page))).toEqual(["decline"]);
        await page.reload();
        expect(await page.textContent("h1")).toBe(title);
        await page.click(`.actions a:text-is("${next}")`);
        await page.waitForSelector("[data-place]");
        expect(await page.inputValue("#f-city")).toBe("Berlin");
      }
      await place(page);
      expect((await atStage(page, "confirmed")).money).toBe("You paid €12.50.");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a price that changed before the press: nothing is ordered, and the next page has the new price at once",
    async () => {
      const page = await shoppers.atCheckout("price-tea");
      await shoppers.system.restock("price-tea", 1, { amount_cents: 1_400 });
      await place(page);
      expect(await atStage(page, "not_ordered")).toEqual({
        title: "A price has changed",
        money: NOT_CHARGED,
      });
      expect(await page.textContent(".facts")).toContain("€14.00");
      expect(await page.textContent(".short")).toContain(": €14.00 each, it was €12.50");
      expect(await shoppers.ledger(sagaOf(page))).toEqual([]);
      await page.click('.actions a:text-is("See the new price")');
      expect(await page.textContent("[data-place]")).toBe("Place order and pay €14.00");
      await place(page);
      expect((await atStage(page, "confirmed")).money).toBe("You paid €14.00.");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "stock that somebody else bought before the press: what is left is said, taken over, and ordered",
    async () => {
      const { system } = shoppers;
      const page = await shoppers.atCheckout("stock-tea");
      await page.goto(`${shoppers.shop}/cart`);
      await page.fill('[name="quantity"]', "50");
      await page.click('button:text-is("Update")');
      await page.click(".summary a");
      await page.waitForSelector("[data-place]");
      await fillAddress(page);
      const other = await system.shopper();
      const items = [{ sku_id: "stock-tea", quantity: 48 }];
      const request = { ...cartOf(["stock-tea"], "pm_card_visa", CURRENCY), items };
      const { saga_id } = await other.checkout(request, Bun.randomUUIDv7(), Date.now() + TIMEOUT_MS);
      expect((await other.status(saga_id, Date.now() + TIMEOUT_MS))?.status).toBe("COMPLETED");
      await place(page);
      expect(await atStage(page, "not_ordered")).toEqual({
        title: "Somebody was faster",
        money: NOT_CHARGED,
      });
      expect(await page.textContent(".short")).toContain("stock-tea: 2 left");
      await page.click('button:text-is("Change to what is there")');
      expect(await page.inputValue('[name="quantity"]')).toBe("2");
      await page.click(".summary a");
      await place(page);
      expect((await atStage(page, "confirmed")).money).toBe("You paid €25.00.");
      expect(await system.available("stock-tea")).toBe(0);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a product that is sold in another currency by now",
    async () => {
      const { system } = shoppers;
      const page = await shoppers.atCheckout("money-tea");
      await system.restock("money-tea", 1, { currency: "USD" });
      await place(page);
      expect(await atStage(page, "not_ordered")).toEqual({
        title: "Two currencies in one cart",
        money: NOT_CHARGED,
      });
      await page.click('.actions a:text-is("Change the cart")');
      expect(await page.textContent(".sum")).toContain("US$12.50");
      await page.click(".summary a");
      await place(page);
      expect((await atStage(page, "confirmed")).money).toBe("You paid US$12.50.");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a total below what banks take is said at the form, in words",
    async () => {
      await shoppers.system.restock("cheap-tea", 1, { amount_cents: 10 });
      const page = await shoppers.signedIn("cheap-tea");
      // Pages keep prices for some seconds.
      await page.waitForFunction(() => {
        if (document.body.textContent.includes("€0.10")) return true;
        location.reload();
        return false;
      });
      await page.click(".buy button");
      await page.waitForSelector(".message.is-shown");
      await page.goto(`${shoppers.shop}/checkout`);
      await fillAddress(page);
      await page.click("[data-place]");
      await page.waitForSelector("#errors");
      expect(await page.textContent("#errors")).toContain("This cart costs less than the smallest amount");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "an address that is not served: the money is returned, and another address is the order",
    async () => {
      const page = await shoppers.atCheckout("far-tea");
      await page.selectOption("#f-country", NOT_SERVED);
      await place(page);
      expect(await atStage(page, "not_ordered")).toEqual({
        title: "We do not deliver there",
        money:
          "We have sent €12.50 back to you. Banks need 5 to 10 working days to show it. If it does not come, please write to us.",
      });
      expect(await shoppers.ledger(sagaOf(page))).toEqual(["charge", "refund"]);
      await page.click('.actions a:text-is("Change the address")');
      await page.selectOption("#f-country", "DE");
      await place(page);
      expect((await atStage(page, "confirmed")).money).toBe("You paid €12.50.");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "an order that the shop cancels afterwards: the page of the order says so, and that the money comes back",
    async () => {
      const page = await shoppers.placed("back-tea", "pm_card_visa");
      expect((await atStage(page, "confirmed")).money).toBe("You paid €12.50.");
      const [saga, link] = [sagaOf(page), await page.getAttribute(".actions a", "href")];
      const order = link?.split("/").at(-1) ?? "";
      const why = ["--reason", "broken in the warehouse"];
      await shoppers.system.operatorSees(["order", "cancel", order, ...why]);
      await shoppers.system.mailAbout(saga, "order_cancelled");
      await page.reload();
      const { title, money } = await atStage(page, "cancelled");
      expect(title).toBe("This order was cancelled");
      expect(money).toMatch(/^(€12\.50 is on its way back to you|We have sent €12\.50 back to you)\./);
      expect(await shoppers.ledger(saga)).toEqual(["charge", "refund"]);
    },
    TIMEOUT_MS,
  );

  test(
    "a provider that is down: no promise about the money while it is open, nothing taken in the end, and a later try is the order",
    async () => {
      const end = await limitProvider(shoppers.system.context.addresses.paysim, {
        unavailable_rate: 1,
        retry_after_seconds: 1,
      });
      const page = await shoppers.placed("down-tea", "pm_card_visa");
      expect(await atStage(page, "paying")).toEqual({
        title: "Asking your bank",
        money:
          "Your bank is being asked for €12.50. Please do not pay a second time while this page is working.",
      });
      expect(await page.locator(".actions").count()).toBe(0);
      expect(await atStage(page, "not_ordered")).toEqual({
        title: "Payments are not working right now",
        money: NOT_CHARGED,
      });
      await end();
      await page.click('.actions a:text-is("Try again")');
      expect(await page.inputValue("#f-city")).toBe("Berlin");
      await place(page);
      expect((await atStage(page, "confirmed")).money).toBe("You paid €12.50.");
      expect(await shoppers.ledger(sagaOf(page))).toEqual(["charge"]);
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
