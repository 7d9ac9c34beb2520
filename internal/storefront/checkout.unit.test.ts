// The checkout form when it is shown again: which key it has, what the page says, and that nothing is ordered twice.
import { beforeEach, describe, expect, test } from "bun:test";
import { Browser, DETAILS } from "../testkit/form-browser.ts";
import { sagaOf, ShopInMemory } from "../testkit/storefront.ts";
import { TooManyRequests } from "./port.ts";

const KEY = "__Host-key";

let shop: ShopInMemory;
let browser: Browser;
beforeEach(async () => {
  shop = new ShopInMemory();
  browser = new Browser(shop);
  await browser.signIn();
  await browser.post("/cart", { sku: "mug-red", quantity: "2" });
  await browser.get("/checkout");
});

function form(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...browser.offer, ...DETAILS, payment_method: "pm_card_visa", ...more };
}

/** All hidden fields of the one form in the page's content. */
function hiddenFields({ html }: Browser): Record<string, string> {
  const [content = ""] = /<main.*<\/main>/s.exec(html) ?? [];
  const fields = content.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return Object.fromEntries([...fields].map(([, name = "", value = ""]) => [name, value]));
}

function raisePrices(): void {
  shop.catalogue = shop.catalogue.map((one) => ({ ...one, unit_price_cents: one.unit_price_cents + 100 }));
}

describe("the key of an order that is confirmed", () => {
  beforeEach(() => {
    expect(browser.cookies.get(KEY)).toBe(browser.offer["key"]);
  });

  test.each([
    ["a change of language", "/checkout/draft", { language: "de" }],
    ["a form with something missing", "/checkout", { email: "nobody" }],
  ] as const)("does not come back by %s in an old tab", async (_, path, change) => {
    const old = form();
    await browser.post("/checkout", old);
    shop.set(sagaOf(1), {
      status: "COMPLETED",
      total_cents: 2_800,
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.cookies.has(KEY)).toBe(false);
    await browser.post(path, { ...old, ...change });
    expect(browser.offer["key"]).toBe(old["key"] ?? "");
    // The same things once more are another order.
    await browser.post("/cart", { sku: "mug-red", quantity: "2" });
    await browser.get("/checkout");
    expect(browser.offer["key"]).not.toBe(old["key"]);
    await browser.post("/checkout", form());
    expect([browser.url, shop.checkouts.size]).toEqual([`/checkout/${sagaOf(2)}`, 2]);
  });
});

describe("a change of language or theme", () => {
  test("says that a price has changed meanwhile, and orders at the new one only with a new key", async () => {
    const { key } = browser.offer;
    await browser.post("/checkout/draft", form({ theme: "dark" }));
    expect(browser.html).not.toContain("Your cart has changed");
    raisePrices();
    await browser.post("/checkout/draft", form({ theme: "light" }));
    expect(browser.html).toContain("Your cart has changed since this page was opened.");
    expect(browser.html).toContain("Place order and pay €30.00");
    expect(browser.offer["key"]).not.toBe(key);
    expect(browser.html).toContain('value="Main St 1"');
    await browser.post("/checkout/draft", form({ theme: "auto" }));
    expect(browser.html).not.toContain("Your cart has changed");
  });

  test("leads to the cart, which says why, when something is sold out meanwhile", async () => {
    const old = form({ language: "de" });
    shop.catalogue = shop.catalogue.map((one) => ({ ...one, available_count: 0 }));
    await browser.post("/checkout/draft", old);
    expect([browser.url, browser.title]).toEqual(["/cart", "Ihr Warenkorb"]);
    expect(browser.html).toContain("Ausverkauft. Bitte entfernen.");
  });

  test("after a lost answer still asks for the same order, whatever it would cost now", async () => {
    const sent = form();
    shop.lostAnswers = 1;
    await browser.post("/checkout", sent);
    expect(browser.title).toBe("We did not get an answer");
    raisePrices();
    for (const choice of [{ language: "de" }, { theme: "dark" }]) {
      await browser.post("/checkout/draft", { ...hiddenFields(browser), ...choice });
      expect(browser.title).toBe("Wir haben keine Antwort bekommen");
    }
    expect(browser.html).toContain('<html lang="de" data-theme="dark">');
    const { unanswered: _, ...again } = hiddenFields(browser);
    expect(again).toEqual(sent);
    await browser.post("/checkout", hiddenFields(browser));
    expect([browser.url, shop.checkouts.size]).toEqual([`/checkout/${sagaOf(1)}`, 1]);
  });
});

describe("a refusal because of a price", () => {
  const refused = {
    status: "COMPENSATED",
    failure_code: "PRICE_CHANGED",
    completed_at: "2026-11-29T12:04:02.000Z",
  } as const;
  const raiseMug = () => {
    shop.catalogue = shop.catalogue.map((one) =>
      one.sku_id === "mug-red" ? { ...one, unit_price_cents: 1_500 } : one,
    );
  };
  beforeEach(async () => {
    await browser.post("/cart", { sku: "teapot-blue", quantity: "1" });
    await browser.get("/checkout");
  });

  test("tells which line it was, with both prices, in the shopper's language", async () => {
    await browser.post("/checkout", form());
    raiseMug();
    shop.set(sagaOf(1), { ...refused, new_total_cents: 7_900 });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.html).toContain("<li>Mug, red: €15.00 each, it was €14.00</li>");
    expect(browser.html).not.toContain("Teapot, blue:");
    await browser.get(`/checkout/${sagaOf(1)}`, { "accept-language": "de" });
    expect(browser.html).toContain("Mug, red: je 15,00\u00a0€, vorher 14,00\u00a0€");
    // Another browser of the same shopper knows no old price.
    const other = await new Browser(shop).signIn();
    await other.get(`/checkout/${sagaOf(1)}`);
    expect(other.html).toContain("€79.00");
    expect(other.html).not.toContain("it was");
  });

  test.each([
    ["the catalogue has changed once more", {}, 8_100],
    ["the form did not add up", { prices: "1~1" }, 7_900],
    ["the form was an older one", { prices: "" }, 7_900],
  ])("tells only the new total when %s", async (_, change, new_total_cents) => {
    await browser.post("/checkout", form(change));
    raiseMug();
    shop.set(sagaOf(1), { ...refused, new_total_cents });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.title).toBe("A price has changed");
    expect(browser.html).not.toContain("it was");
  });
});

describe("too many tries", () => {
  const refuse = async () => {
    throw new TooManyRequests(30_000);
  };

  test("show the form again with what was typed, its key, and how long to wait", async () => {
    const sent = form({ payment_method: "pm_card_chargeDeclined" });
    const start = shop.startCheckout.bind(shop);
    shop.startCheckout = refuse;
    await browser.post("/checkout", sent);
    expect([browser.status, browser.title, browser.headers.get("retry-after")]).toEqual([
      429,
      "Check out",
      "30",
    ]);
    expect(browser.html).toContain("wait a little, then try again");
    expect(browser.html).not.toContain("Your cart has changed");
    for (const text of ['value="Main St 1"', 'value="DE" selected', 'value="pm_card_chargeDeclined" checked'])
      expect(browser.html).toContain(text);
    expect(browser.offer["key"]).toBe(sent["key"] ?? "");
    // The buttons of language and theme belong to this form.
    expect(browser.html).toContain('<form id="checkout-form"');
    shop.startCheckout = start;
    await browser.post("/checkout", sent);
    expect([browser.url, shop.checkouts.size]).toEqual([`/checkout/${sagaOf(1)}`, 1]);
  });

  test("say also that a price has changed", async () => {
    const sent = form();
    shop.startCheckout = refuse;
    raisePrices();
    await browser.post("/checkout", sent);
    expect(browser.status).toBe(429);
    expect(browser.html).toContain("then try again. Your cart has changed");
    expect(browser.offer["key"]).not.toBe(sent["key"]);
  });

  test("after a lost answer still ask for the same order", async () => {
    const sent = form();
    shop.lostAnswers = 1;
    await browser.post("/checkout", sent);
    const again = hiddenFields(browser);
    raisePrices();
    shop.startCheckout = refuse;
    await browser.post("/checkout", again);
    expect([browser.status, browser.title]).toEqual([429, "We did not get an answer"]);
    expect(browser.html).toContain("wait a little, then try again");
    expect(hiddenFields(browser)).toEqual(again);
  });

  test("of somebody who is not signed in show their form again, too", async () => {
    const limits = { admit: refuse, seen: () => undefined };
    const stranger = new Browser(shop, { limits });
    await stranger.post("/checkout", form());
    expect([stranger.status, stranger.title, stranger.headers.get("retry-after")]).toEqual([
      429,
      "Check out",
      "30",
    ]);
    expect(stranger.html).toContain("wait a little, then try again");
    expect(stranger.html).toContain('value="Main St 1"');
    expect([stranger.offer["key"], shop.starts]).toEqual([browser.offer["key"], []]);
    // The next page is no form, and says it by itself.
    await stranger.get("/");
    expect([stranger.status, stranger.title]).toEqual([429, "That was a lot at once"]);
  });
});
