// What holds for the HTML of every page, whatever it shows: ids, status regions, what is said about stock, and what a guest sees.
import { beforeEach, describe, expect, test } from "bun:test";
import { Browser } from "../testkit/form-browser.ts";
import { OTHER_TOKEN, sagaOf, type ShopInMemory } from "../testkit/storefront.ts";
import { PREVIEW_STATES, previewShop } from "../tools/preview-shop.ts";
import { SESSION } from "./cookies.ts";

const AT_BANK = sagaOf(102);

let shop: ShopInMemory;
let browser: Browser;
beforeEach(async () => {
  shop = previewShop();
  browser = new Browser(shop);
  await browser.signIn();
  await browser.post("/cart", { sku: "mug-red", quantity: "2" });
});

const PATHS = [
  "/",
  "/products/mug-red",
  "/cart",
  "/checkout",
  "/orders",
  "/orders/01890000-0000-7000-a000-000000000001",
  "/signin?token=no",
  "/nowhere",
  ...PREVIEW_STATES.map(([number]) => `/checkout/${sagaOf(number)}`),
];

describe("every page", () => {
  test.each(PATHS)("%s has each id once, and only links to ids that it has", async (path) => {
    await browser.get(path);
    const ids = [...browser.html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const wanted = [...browser.html.matchAll(/ (?:href="#|aria-describedby="|for=")([^"]*)"/g)];
    const missing = wanted.flatMap(([, names = ""]) => names.split(" ")).filter((id) => !ids.includes(id));
    expect(missing).toEqual([]);
  });

  test.each(PATHS)("%s has one status region, and it is there before it speaks", async (path) => {
    await browser.get(path);
    expect([...browser.html.matchAll(/role="status"/g)]).toHaveLength(1);
  });
});

test("the status regions hold what scripts change, and no clock", async () => {
  await browser.get(`/checkout/${AT_BANK}`);
  const [, region = ""] =
    /<div role="status" aria-atomic="false">([\s\S]*)<div id="rest">/.exec(browser.html) ?? [];
  expect(region).toContain('<div id="state">');
  expect(region).toContain('id="connection"');
  expect(region).not.toContain("timer");
  await browser.get("/checkout");
  expect(browser.html).toMatch(/<p class="note" role="status" data-progress/);
  const stripe = new Browser(shop, { cards: { kind: "stripe", publishableKey: "pk_test_1" } });
  for (const [name, value] of browser.cookies) stripe.cookies.set(name, value);
  await stripe.get("/checkout");
  expect(stripe.html).toContain('<p class="field-error" id="card-error" role="alert">');
});

describe("adding to the cart", () => {
  test("says how many items are in it, with and without scripts", async () => {
    const asScript = { accept: "application/json" };
    await browser.post("/cart", { sku: "teapot-blue", quantity: "3" }, asScript);
    expect(JSON.parse(browser.html)).toEqual({ count: 5, text: "Added to your cart. It holds 5 items now." });
    await browser.post("/cart", { sku: "teapot-blue", back: "/?q=tea" });
    expect(browser.url).toBe("/?q=tea&added=1");
    expect(browser.html).toContain(">Added to your cart. It holds 6 items now.</p>");
  });

  test("does not say that it was added when the line is full", async () => {
    browser.cookies.set("__Host-cart", "mug-red!999");
    await browser.get("/");
    await browser.post("/cart", { sku: "mug-red", back: browser.url });
    expect(browser.url).toBe("/?full=1");
    expect(browser.html).toContain(">Your cart cannot hold more of this.</p>");
    await browser.post("/cart", { sku: "mug-red" }, { accept: "application/json" });
    expect(JSON.parse(browser.html)).toEqual({ count: 999, text: "Your cart cannot hold more of this." });
  });
});

test.each([
  ["notebook-green", 5, 3, "Only 3 left", "Only 3 left"],
  ["mug-red", 50, 40, "In stock", "Fewer than 50 in stock"],
] as const)(
  "the stock of %s is the same on its page and in the cart",
  async (sku, quantity, left, page, cart) => {
    await browser.post("/cart", { sku, quantity: String(quantity) });
    await browser.post("/cart/quantity", { sku, quantity: String(quantity) });
    await browser.get(`/products/${sku}`);
    expect(stockOf(browser)).toBe(page);
    await browser.get("/cart");
    expect(stockOf(browser)).toBe(cart);
    const text = browser.html.slice(browser.html.indexOf("<main")).replaceAll(/<[^>]*>/g, " ");
    if (left > 5) expect(text).not.toMatch(new RegExp(`\\b${left}\\b`));
  },
);

function stockOf({ html }: Browser): string | undefined {
  return /<p class="stock[^>]*>([^<]*)/.exec(html.slice(html.indexOf("<main")))?.[1];
}

describe("a guest whose bank asks for a confirmation", () => {
  test("sees until when, no clock, and the way to sign in and confirm", async () => {
    const guest = new Browser(shop);
    await guest.get(`/checkout/${AT_BANK}?k=guest`);
    expect(guest.title).toBe("Please confirm the payment");
    expect(guest.html).toContain("We hold your items until ");
    expect(guest.html).not.toContain('role="timer"');
    expect(guest.html).not.toContain(`${AT_BANK}/bank"`);
    expect(guest.html).toContain(`href="/signin?needed=1&amp;back=%2Fcheckout%2F${AT_BANK}"`);
    // Somebody else is signed in here: signing in again would not help.
    guest.cookies.set(SESSION, OTHER_TOKEN);
    await guest.get(`/checkout/${AT_BANK}?k=guest`);
    expect(guest.html).not.toContain("needed=1");
  });

  test("the shopper has the clock and the way to the bank", async () => {
    await browser.get(`/checkout/${AT_BANK}`);
    // From the time of the shop, not of the browser.
    expect(browser.html).toContain('role="timer" data-now="');
    expect(browser.html).toContain(`href="/checkout/${AT_BANK}/bank"`);
  });
});

test("a cancelled order does not say that it was paid, to its shopper and to a guest, and leads on", async () => {
  const path = `/checkout/${sagaOf(110)}`;
  await browser.get(path);
  for (const shown of [browser, await new Browser(shop).get(`${path}?k=guest`)]) {
    expect(shown.title).toBe("This order was cancelled");
    expect(shown.html).toContain('<p class="money">€77.00 is on its way back to you.');
    expect(shown.html).not.toMatch(/You paid|is confirmed|class="steps"/);
  }
  expect(browser.html).toContain('href="/orders/01890000-0000-7000-a000-000000000004"');
  await browser.get("/orders/01890000-0000-7000-a000-000000000004");
  expect(browser.title).toBe("Cancelled");
  expect(browser.html).toContain("What you paid goes back");
});

test.each([
  [111, 2, "Your order is on its way", "On its way", "RB 123 456 789 DE"],
  [112, 3, "Your order was delivered", "Delivered", null],
] as const)(
  "order %d says how far it is, with its parcel, also to a guest",
  async (saga, order, title, badge, parcel) => {
    const path = `/checkout/${sagaOf(saga)}`;
    await browser.get(path);
    const guest = await new Browser(shop).get(`${path}?k=guest`);
    for (const { html, title: heading } of [browser, guest]) {
      expect(heading).toBe(title);
      expect(html).toContain(`</svg>${badge}</p>`);
      expect(html).not.toContain("is confirmed");
      if (parcel === null) expect(html).not.toContain("<dt>Tracking</dt>");
      else expect(html).toContain(`<dt>Tracking</dt><dd>Post <span class="code">${parcel}</span></dd>`);
    }
    const link = `href="/orders/01890000-0000-7000-a000-00000000000${order}"`;
    expect([browser.html.includes(link), guest.html.includes(link)]).toEqual([true, false]);
    expect([browser.html.includes("London"), guest.html.includes("London")]).toEqual([true, false]);
    await browser.post("/preferences", { language: "de", back: path });
    expect(browser.title).toMatch(/^Ihre Bestellung (ist unterwegs|wurde zugestellt)$/);
  },
);
