// The shop over HTTP, as a browser without scripts uses it: forms, redirects, cookies. The services behind it are in memory.
import { beforeEach, describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import {
  OTHER_TOKEN,
  sagaOf,
  SHOPPER_TOKEN,
  ShopInMemory,
  storefrontOptions,
} from "../testkit/storefront.ts";
import { Browser, DETAILS, ORIGIN } from "../testkit/form-browser.ts";
import { SHOP_ROUTES, storefrontApp } from "./app.ts";
import { assets } from "./assets.ts";
import { type CheckoutStatus, type PlacedOrder, TooManyRequests } from "./port.ts";

const AN_END = "2026-11-29T12:01:00.000Z";

let shop: ShopInMemory;
let browser: Browser;
beforeEach(() => {
  shop = new ShopInMemory();
  browser = new Browser(shop);
});
const order = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  ...browser.offer,
  ...DETAILS,
  payment_method: "pm_card_visa",
  ...more,
});
async function toCheckout(): Promise<void> {
  await browser.signIn();
  await browser.post("/cart", { sku: "mug-red", quantity: "2" });
  await browser.get("/checkout");
}

describe("buying", () => {
  test("from the shelf to the order, without scripts", async () => {
    await browser.post("/cart", { sku: "mug-red", quantity: "2", back: "/products/mug-red" });
    expect(browser.url).toBe("/products/mug-red?added=1");
    expect(browser.html).toContain("Added to your cart.");
    await browser.get("/checkout");
    expect(browser.url).toBe("/signin?needed=1&back=%2Fcheckout");
    await browser.post("/signin", { token: SHOPPER_TOKEN, back: "/checkout" });
    expect([browser.url, browser.title]).toEqual(["/checkout", "Check out"]);
    expect(browser.html).toContain("Place order and pay €28.00");
    await browser.post("/checkout", order());
    expect([browser.url, browser.title]).toEqual([`/checkout/${sagaOf(1)}`, "Holding your items"]);
    expect(browser.html).toContain('<noscript><meta http-equiv="refresh" content="3"');
    expect(browser.html).toContain("You have not been charged.");
    const order_id = shop.addOrder(1, {}).order_id;
    shop.set(sagaOf(1), {
      status: "COMPLETED",
      total_cents: 2_800,
      order_id,
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.title).toBe("Your order is confirmed");
    expect(browser.html).toContain("You paid €28.00.");
    expect(browser.html).not.toContain('http-equiv="refresh"');
    expect(browser.cookies.get("__Host-cart")).toBe("");
    await browser.get("/cart");
    expect(browser.html).toContain("Your cart is empty.");
    expect(shop.starts[0]?.checkout).toMatchObject({
      items: [{ sku_id: "mug-red", quantity: 2 }],
      expected_total_cents: 2_800,
      currency: "EUR",
      shipping_address: { city: "Berlin", country: "DE" },
    });
  });

  test("a second press, also after the cart has changed in another tab, is the same order", async () => {
    await toCheckout();
    const form = order();
    await browser.post("/checkout", form);
    await browser.post("/cart", { sku: "teapot-blue" });
    await browser.post("/checkout", form);
    expect(browser.url).toBe(`/checkout/${sagaOf(1)}`);
    expect([shop.starts.length, shop.checkouts.size]).toEqual([2, 1]);
  });

  test("a lost answer asks again with the same key, and there is one order", async () => {
    await toCheckout();
    const form = order();
    shop.lostAnswers = 1;
    await browser.post("/checkout", form);
    expect([browser.status, browser.title]).toEqual([503, "We did not get an answer"]);
    expect(browser.html).toContain("Ask again");
    expect(browser.html).not.toMatch(/pay again/i);
    const fields = [...browser.html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const again = Object.fromEntries(fields.map(([, name = "", value = ""]) => [name, value]));
    expect(again).toEqual({ ...form, unanswered: "1" });
    await browser.post("/checkout", again);
    expect([browser.url, shop.checkouts.size]).toEqual([`/checkout/${sagaOf(1)}`, 1]);
  });

  test("the form in a second tab, or after a lost answer and a reload, orders the same order", async () => {
    await toCheckout();
    const [form, { key }] = [order(), browser.offer];
    await browser.get("/checkout");
    expect(browser.offer["key"]).toBe(key);
    shop.lostAnswers = 1;
    await browser.post("/checkout", form);
    await browser.get("/checkout");
    await browser.post("/checkout", order());
    shop.set(sagaOf(1), {
      status: "COMPLETED",
      total_cents: 2_800,
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await browser.get(`/checkout/${sagaOf(1)}`);
    await browser.post("/checkout", form);
    expect([browser.url, shop.checkouts.size]).toEqual([`/checkout/${sagaOf(1)}`, 1]);
    // Ordering the same again is another order, also right after a late press of the old form.
    await browser.post("/cart", { sku: "mug-red", quantity: "2" });
    await browser.get("/checkout");
    expect(browser.offer["key"]).not.toBe(key);
  });

  test("what is added after an order that only the live page saw confirmed starts a new cart", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    shop.set(sagaOf(1), {
      status: "COMPLETED",
      total_cents: 2_800,
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await browser.post("/cart", { sku: "teapot-blue" });
    expect(browser.cookies.get("__Host-cart")).toBe("teapot-blue!1");
  });

  test("a cart that was emptied by hand and filled again the same is not taken for the ordered one", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    await browser.post("/cart/quantity", { sku: "mug-red", quantity: "0" });
    shop.set(sagaOf(1), {
      status: "COMPLETED",
      total_cents: 2_800,
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await browser.post("/cart", { sku: "mug-red", quantity: "2" });
    await browser.get("/cart");
    expect(browser.cookies.get("__Host-cart")).toBe("mug-red!2");
  });

  test("a checkout says in which language its page was, so that the mails are written in it", async () => {
    await toCheckout();
    await browser.post("/checkout", order(), { "accept-language": "de-AT, en;q=0.5" });
    expect(shop.starts.map(({ language }) => language)).toEqual(["de"]);
  });

  test("a total that no bank takes is said in words", async () => {
    await toCheckout();
    shop.faults = [{ path: "/expected_total_cents", message: "too little" }];
    await browser.post("/checkout", order());
    expect(browser.html).toContain('<a href="#f-payment_method">This does not look right.');
    shop.catalogue = shop.catalogue.map((product) => ({ ...product, unit_price_cents: 5 }));
    await browser.get("/checkout");
    await browser.post("/checkout", order());
    expect(browser.html).toContain('<a href="#f-payment_method">This cart costs less than');
  });

  test("the way back to the form leads to the open order; a refused one can be tried again with a new key", async () => {
    await toCheckout();
    const { key } = browser.offer;
    await browser.post("/checkout", order());
    await browser.get("/checkout");
    expect(browser.url).toBe(`/checkout/${sagaOf(1)}`);
    shop.set(sagaOf(1), {
      status: "COMPENSATED",
      failure_code: "CARD_DECLINED",
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect([browser.title, browser.html.includes("You have not been charged.")]).toEqual([
      "Your bank said no",
      true,
    ]);
    await browser.get("/checkout");
    expect(browser.offer["key"]).not.toBe(key);
    // The address is asked once.
    expect(browser.html).toContain('value="Main St 1"');
    await browser.post("/checkout", order());
    expect(shop.checkouts.size).toBe(2);
  });

  test("the same form with another address is not a second order", async () => {
    await toCheckout();
    const form = order();
    await browser.post("/checkout", form);
    await browser.post("/checkout", { ...form, city: "Hamburg" });
    // The open order is shown.
    expect([browser.status, browser.url, shop.checkouts.size]).toEqual([200, `/checkout/${sagaOf(1)}`, 1]);
    // when it has been refused: a new form, with another key
    shop.set(sagaOf(1), { status: "COMPENSATED", failure_code: "CARD_DECLINED", completed_at: AN_END });
    await browser.post("/checkout", { ...form, city: "Hamburg" });
    expect([browser.status, shop.checkouts.size]).toEqual([409, 1]);
    expect(browser.html).toContain("was placed already");
    expect(browser.html).toContain(`href="/checkout/${sagaOf(1)}"`);
    expect(browser.offer["key"]).not.toBe(form["key"]);
  });

  test("a reload, a second tab and a new sign-in show the same key, also after a lost answer", async () => {
    await toCheckout();
    const form = order();
    shop.lostAnswers = 1;
    await browser.post("/checkout", form);
    expect(browser.status).toBe(503);
    await browser.get("/checkout");
    expect(browser.offer["key"]).toBe(form["key"] ?? "");
    browser.cookies.delete("__Host-session");
    await browser.get("/checkout");
    await browser.post("/signin", { token: SHOPPER_TOKEN, back: "/checkout" });
    expect(browser.offer["key"]).toBe(form["key"] ?? "");
    await browser.post("/checkout", order());
    expect([browser.url, shop.checkouts.size]).toEqual([`/checkout/${sagaOf(1)}`, 1]);
    // when that order has been refused, the next one has a new key, and keeps it
    shop.set(sagaOf(1), { status: "COMPENSATED", failure_code: "CARD_DECLINED", completed_at: AN_END });
    await browser.get("/checkout");
    const second = browser.offer["key"] ?? "";
    expect(second).not.toBe(form["key"] ?? "");
    await browser.get("/checkout");
    expect(browser.offer["key"]).toBe(second);
  });

  test("what one shopper typed is not shown to the next one on the same computer", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    browser.cookies.set("__Host-session", OTHER_TOKEN);
    await browser.get("/checkout");
    expect(browser.html).not.toContain("Main St 1");
  });

  test("an address with a payment's secret is not handed to the sign-in", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    browser.cookies.delete("__Host-session");
    await browser.get(`/checkout/${sagaOf(1)}?payment_intent=pi_1&payment_intent_client_secret=s3cr3t`);
    expect(browser.url).toStartWith("/signin");
    expect(browser.url + browser.html).not.toContain("s3cr3t");
  });

  test("a form whose lines or total were changed orders nothing", async () => {
    await toCheckout();
    for (const change of [
      { cart: "mug-red!1" },
      { total: "1" },
      { currency: "USD" },
      { key: "mine" },
      { cart: "" },
    ]) {
      await browser.post("/checkout", order(change));
      expect(browser.status).toBe(409);
    }
    expect(shop.starts).toEqual([]);
  });

  test("what is missing is listed, linked to its field, and keeps what was typed and the key", async () => {
    await toCheckout();
    const { key } = browser.offer;
    const { city: _, ...form } = order({ email: "nobody" });
    await browser.post("/checkout", form);
    expect([browser.status, browser.offer["key"]]).toEqual([422, key]);
    expect(browser.html).toContain('<a href="#f-email">Enter an e-mail address');
    expect(browser.html).toContain('<a href="#f-city">Enter the city.');
    expect(browser.html).toMatch(/id="f-email"[^>]*aria-describedby="h-email e-email" aria-invalid="true"/);
    expect(browser.html).toContain('value="nobody"');
  });

  test("errors come in the order of the page, each with what to do about it", async () => {
    await toCheckout();
    shop.faults = ["country", "postal_code", "name", "phone"].map((field) => ({
      path: `/shipping_address/${field}`,
      message: "no",
    }));
    await browser.post(
      "/checkout",
      order({ email: "nobody", name: "A".repeat(300), postal_code: "ABC", country: "", phone: "a\u0001b" }),
    );
    const summary = /<section class="error-summary".*?<\/section>/s.exec(browser.html)?.[0] ?? "";
    expect([...summary.matchAll(/#f-(\w+)">([^<]*)/g)].map(([, field, text]) => [field, text])).toEqual([
      ["email", "Enter an e-mail address, like name@example.com."],
      ["name", "This is too long. Shorten it to at most 200 characters."],
      ["postal_code", "This does not look right."],
      ["country", "Choose the country."],
      ["phone", "This does not look right."],
    ]);
    shop.faults = [{ path: "/shipping_address/country", message: "no" }];
    await browser.post("/checkout", order({ postal_code: "", country: "" }));
    expect(browser.html).toContain('#f-postal_code">Enter the postal code, if your country has one.');
    shop.faults = [{ path: "/shipping_address/postal_code", message: "no" }];
    await browser.post("/checkout", order({ postal_code: "ABC" }));
    expect(browser.html).toContain('#f-postal_code">This is no postal code of this country: Germany.');
  });

  test("what was typed outlives a change of language and theme, and is in no cookie", async () => {
    await toCheckout();
    const { key } = browser.offer;
    expect(browser.html).toContain('form="checkout-form" formaction="/checkout/draft"');
    const card = "pm_card_chargeDeclined";
    await browser.post("/checkout/draft", order({ language: "de", payment_method: card }));
    expect([browser.status, browser.title, browser.offer["key"]]).toEqual([200, "Kasse", key]);
    for (const text of ['value="Main St 1"', 'value="DE" selected', `value="${card}" checked`])
      expect(browser.html).toContain(text);
    await browser.post("/checkout/draft", order({ theme: "dark" }));
    expect(browser.html).toContain('<html lang="de" data-theme="dark">');
    expect(browser.html).toContain('value="ada@example.com"');
    expect([browser.cookies.get("__Host-view"), browser.cookies.has("__Host-details")]).toEqual([
      "de.dark",
      false,
    ]);
    expect(shop.starts).toEqual([]);
    await browser.get("/checkout/draft");
    expect(browser.url).toBe("/checkout");
    browser.cookies.delete("__Host-session");
    await browser.post("/checkout/draft", order({ language: "en" }));
    expect(browser.url).toBe("/signin?needed=1&back=%2Fcheckout");
  });

  test("short stock is offered as it is, and an unorderable cart has no checkout", async () => {
    await browser.signIn();
    await browser.post("/cart", { sku: "notebook-green" });
    await browser.post("/cart/quantity", { sku: "notebook-green", quantity: "5" });
    await browser.get("/checkout");
    expect(browser.url).toBe("/cart");
    expect(browser.html).toContain("Only 3 left<");
    await browser.post("/cart/fit", {});
    expect(browser.cookies.get("__Host-cart")).toBe("notebook-green!3");
    expect(browser.html).toContain('href="/checkout"');
  });
});

describe("the shelves", () => {
  test("no more is added than there is, and the page says how many were", async () => {
    const add = (sku: string, quantity: string, back = "/") => browser.post("/cart", { sku, quantity, back });
    await add("notebook-green", "2");
    expect(browser.html).toContain("Added to your cart.");
    await add("notebook-green", "2", "/?q=note&added=1");
    expect(browser.url).toBe("/?q=note&only=1");
    expect(browser.html).toContain("Only 1 added to your cart: there is no more.");
    await add("notebook-green", "1", browser.url);
    expect(browser.url).toBe("/?q=note&only=0");
    expect(browser.html).toContain("Not added: there is no more of it");
    // Of a product with many left, no number is told.
    await add("mug-red", "41");
    expect(browser.html).toContain("Not added: fewer than 41 are in stock.");
    await add("grinder-black", "1");
    await add("never-sold", "1");
    expect(browser.cookies.get("__Host-cart")).toBe("notebook-green!3");
    // for the script
    await browser.post("/cart", { sku: "notebook-green" }, { accept: "application/json" });
    expect(JSON.parse(browser.html)).toEqual({
      count: 3,
      text: "Not added: there is no more of it than you have in your cart.",
    });
    await browser.post("/cart", { sku: "mug-red" }, { accept: "application/json" });
    expect(JSON.parse(browser.html)).toEqual({
      count: 4,
      text: "Added to your cart. It holds 4 items now.",
    });
  });

  test("a full cart says so, and a shop that does not answer takes what is added", async () => {
    const full = Array.from({ length: 50 }, (_, i) => `s${i}!1`).join("~");
    browser.cookies.set("__Host-cart", full);
    await browser.post("/cart", { sku: "mug-red", back: "/" });
    expect(browser.html).toContain("Your cart cannot hold more of this.");
    browser.cookies.delete("__Host-cart");
    shop.isDown = true;
    await browser.post("/cart", { sku: "mug-red" }, { accept: "application/json" });
    expect(JSON.parse(browser.html)).toMatchObject({ count: 1 });
  });

  test("a category and a search have their own heading and title, and later pages lead back", async () => {
    await browser.get("/?category=Kitchen");
    expect(browser.title).toBe("Kitchen");
    expect(browser.html).toContain("<title>Kitchen · Larkfield</title>");
    await browser.get("/?q=mug");
    expect(browser.title).toBe("Search: mug");
    await browser.get("/?q=mug&category=Kitchen");
    expect(browser.title).toBe("Kitchen: mug");
    expect(browser.html).not.toContain("Previous products");
    await browser.get("/?category=Kitchen&after=k");
    expect(browser.html).toContain('rel="prev" href="/?category=Kitchen"');
    await browser.signIn();
    await browser.get("/orders");
    expect(browser.html).not.toContain("Newest orders");
    await browser.get(`/orders?after=${sagaOf(1)}`);
    expect(browser.html).toContain("Newest orders");
  });

  test("categories are named in the language of the page, and have the same address in each", async () => {
    await browser.get("/", { "accept-language": "de" });
    expect(browser.html).toContain('<a href="/?category=Kitchen">Küche</a>');
    await browser.get("/?category=Kitchen", { "accept-language": "de" });
    expect(browser.title).toBe("Küche");
    await browser.get("/products/mug-red", { "accept-language": "de" });
    expect(browser.html).toContain('<a href="/?category=Kitchen">Küche</a>');
    shop.catalogue = shop.catalogue.map((product) => ({ ...product, categories: {} }));
    await browser.get("/", { "accept-language": "de" });
    expect(browser.html).toContain('<a href="/?category=Kitchen">Kitchen</a>');
  });

  test("what is sold out promises nothing", async () => {
    await browser.get("/products/grinder-black");
    expect(browser.html).toContain("Sold out");
    expect(browser.html).not.toContain("Held for you while you pay, and");
  });
});

describe("who sees what", () => {
  test("another shopper's order and checkout look like missing ones", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const { order_id } = shop.addOrder(1, {});
    await browser.signIn(OTHER_TOKEN);
    for (const path of [
      `/checkout/${sagaOf(1)}`,
      `/orders/${order_id}`,
      `/checkout/${sagaOf(77)}`,
      "/checkout/x",
    ]) {
      await browser.get(path);
      expect([browser.status, browser.title]).toEqual([404, "There is nothing here"]);
    }
  });

  test("an open checkout is offered on another device", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const other = new Browser(shop);
    await other.signIn();
    for (const path of ["/", "/cart", "/orders"]) {
      await other.get(path);
      expect(other.html).toContain(`href="/checkout/${sagaOf(1)}"`);
    }
  });

  test("a guest with the link from the mail sees the state, and no address", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const { order_id } = shop.addOrder(1, { saga_id: sagaOf(1) });
    shop.set(sagaOf(1), {
      status: "COMPLETED",
      total_cents: 2_800,
      order_id,
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    const guest = new Browser(shop);
    await guest.get(`/checkout/${sagaOf(1)}?k=guest`);
    expect([guest.status, guest.title]).toEqual([200, "Your order is confirmed"]);
    expect(guest.headers.get("referrer-policy")).toBe("no-referrer");
    expect(guest.html).toContain("Mug, red");
    expect(guest.html).toContain(`<dd class="code">${orderNumberOf(order_id)}</dd>`);
    // The nonce is random, and any three letters may be in it.
    const shown = guest.html.replaceAll(/nonce="[^"]*"/g, "");
    for (const secret of ["Ada", "St James", "London", `/orders/${order_id}`])
      expect(shown).not.toContain(secret);
    await guest.get(`/checkout/${sagaOf(1)}?k=wrong`);
    expect(guest.url).toStartWith("/signin");
    await guest.get(`/orders/${order_id}?k=guest`);
    expect(guest.url).toStartWith("/signin");
  });

  test("orders are listed, and ordered again at today's prices", async () => {
    await browser.signIn();
    const { order_id } = shop.addOrder(1, { status: "SHIPPED", shipped_at: "2026-11-28T08:00:00.000Z" });
    await browser.get("/orders");
    expect(browser.html).toContain("On its way");
    expect(browser.html).toContain(`Order ${orderNumberOf(order_id)}</p>`);
    await browser.get(`/orders/${order_id}`);
    expect(browser.html).toContain(`Order ${orderNumberOf(order_id)}</p>`);
    expect(browser.html).toContain(`<title>Order ${orderNumberOf(order_id)} `);
    expect(browser.html).toContain("€77.00");
    await browser.post(`/orders/${order_id}/again`, {});
    expect([browser.url, browser.cookies.get("__Host-cart")]).toEqual(["/cart", "mug-red!2~teapot-blue!1"]);
  });

  test("a cancelled order says where the money is, and is no receipt", async () => {
    await browser.signIn();
    const parts = { status: "CANCELLED", cancelled_at: "2026-11-28T10:00:00.000Z" } as const;
    const { order_id } = shop.addOrder(1, { ...parts, saga_id: sagaOf(1) });
    await browser.get("/orders");
    expect(browser.html).toContain("€77.00 is returned to you.");
    await browser.get(`/orders/${order_id}`);
    for (const text of ["€77.00 is returned to you.", "28 November 2026", "5 to 10 working days"])
      expect(browser.html).toContain(text);
    for (const text of ["eceipt", "Deliver", "Paid"]) expect(browser.html).not.toContain(text);
    // The page of the checkout says the same, also to a guest.
    shop.set(sagaOf(1), { status: "COMPLETED", total_cents: 7_700, order_id, completed_at: AN_END });
    const guest = new Browser(shop);
    for (const page of [
      await browser.get(`/checkout/${sagaOf(1)}`),
      await guest.get(`/checkout/${sagaOf(1)}?k=guest`),
    ]) {
      expect(page.title).toBe("This order was cancelled");
      expect(page.html).toContain("€77.00 is on its way back to you.");
      expect(page.html).not.toContain("You paid");
    }
  });

  describe("cancelling", () => {
    const bought = (parts: Partial<PlacedOrder> = {}, checkout: Partial<CheckoutStatus> = {}) => {
      const placed = shop.addOrder(5, parts);
      const done = { status: "COMPLETED", order_id: placed.order_id, completed_at: AN_END } as const;
      shop.set(placed.saga_id, { total_cents: placed.total_cents, money: "taken", ...done, ...checkout });
      return placed;
    };
    /** What is printed has another heading. */
    const heading = () => /<h1[^>]*>([^<]*)/.exec(browser.html)?.[1];
    const pathOf = ({ order_id }: PlacedOrder) => `/orders/${order_id}`;

    test("asks first, says that it is not decided yet, and then what happens to the money", async () => {
      const placed = bought();
      await browser.signIn();
      await browser.get(pathOf(placed));
      expect(heading()).toBe("Being packed");
      expect(browser.html).toContain('<summary class="button quiet">Cancel order</summary>');
      expect(browser.html).toContain(`<form method="post" action="${pathOf(placed)}/cancel">`);
      for (let press = 0; press < 2; press += 1) {
        await browser.post(`${pathOf(placed)}/cancel`, {});
        expect([browser.url, heading()]).toEqual([pathOf(placed), "We are cancelling your order"]);
      }
      expect(browser.html).toContain("Unless the parcel is on its way already");
      expect(browser.html).not.toContain(`${pathOf(placed)}/cancel`);
      expect(browser.headers.get("refresh")).toBe("3");
      await browser.get(`/checkout/${placed.saga_id}`);
      expect([heading(), browser.headers.get("refresh")]).toEqual(["We are cancelling your order", "3"]);
      expect(browser.html).toContain("You paid €77.00.");
      await browser.get("/orders");
      expect(browser.html).toContain(">Being cancelled</p>");
      expect(browser.html).not.toContain("Being packed");
      shop.placed[0] = { ...placed, status: "CANCELLED", cancelled_at: AN_END };
      await browser.get(pathOf(placed));
      expect([heading(), browser.headers.get("refresh")]).toEqual(["Cancelled", null]);
      expect(browser.html).toContain("€77.00 is returned to you.");
    });

    test("an order that was sent meanwhile is on its way", async () => {
      const placed = bought();
      await browser.signIn();
      await browser.get(pathOf(placed));
      shop.placed[0] = { ...placed, status: "SHIPPED", shipped_at: AN_END };
      await browser.post(`${pathOf(placed)}/cancel`, {});
      expect([browser.url, heading(), shop.cancels]).toEqual([pathOf(placed), "On its way", []]);
      // The order service refuses it after it was asked for.
      shop.set(placed.saga_id, { cancelling: true });
      await browser.get(pathOf(placed));
      expect([heading(), browser.headers.get("refresh")]).toEqual(["On its way", null]);
    });

    test.each([
      ["is not written yet", {}, { status: "ORDER_CREATED", completed_at: null }],
      ["is on its way", { status: "SHIPPED" }, {}],
      ["is cancelled", { status: "CANCELLED" }, {}],
    ] as const)("is not offered when the order %s", async (_, parts, checkout) => {
      const placed = bought(parts, checkout);
      await browser.signIn();
      await browser.get(pathOf(placed));
      expect([browser.status, browser.html.includes("/cancel")]).toEqual([200, false]);
    });

    test("is for the own order only, and only from the shop's own pages", async () => {
      const placed = bought();
      await browser.post(`${pathOf(placed)}/cancel`, {});
      expect(browser.url).toBe(`/signin?needed=1&back=${encodeURIComponent(pathOf(placed))}`);
      await browser.signIn(OTHER_TOKEN);
      await browser.post(`${pathOf(placed)}/cancel`, {});
      expect(browser.status).toBe(404);
      await browser.signIn();
      await browser.post(`${pathOf(placed)}/cancel`, {}, { origin: "https://evil.example" });
      expect([browser.status, shop.cancels]).toEqual([403, []]);
      await browser.get(pathOf(placed), { "accept-language": "de" });
      expect(browser.html).toContain("Bestellung stornieren</summary>");
      await browser.post(`${pathOf(placed)}/cancel`, {}, { "accept-language": "de" });
      expect(shop.cancels).toEqual([placed.order_id]);
    });
  });

  test("the address is whole, and the parcel is delivered only once it is", async () => {
    await browser.signIn();
    const { order_id } = shop.addOrder(1, { saga_id: sagaOf(1) });
    shop.set(sagaOf(1), { status: "COMPLETED", total_cents: 7_700, order_id, completed_at: AN_END });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.html).toContain("London, SW1Y 4JH, United Kingdom");
    for (const path of [`/checkout/${sagaOf(1)}`, `/orders/${order_id}`]) {
      await browser.get(path);
      expect(browser.html).toContain("Delivery to");
      expect(browser.html).not.toContain("Delivered to");
    }
    expect(browser.html).toContain("Paid when the order was placed.");
    const arrived = shop.addOrder(2, { status: "DELIVERED", delivered_at: AN_END });
    await browser.get(`/orders/${arrived.order_id}`);
    expect(browser.html).toContain("Delivered to");
  });

  test("the order, its receipt and its checkout say what was charged, if it is known", async () => {
    await browser.signIn();
    const { order_id } = shop.addOrder(1, { saga_id: sagaOf(1), card: { brand: "visa", last4: "4242" } });
    shop.set(sagaOf(1), { status: "COMPLETED", total_cents: 7_700, order_id, completed_at: AN_END });
    await browser.get(`/orders/${order_id}`);
    expect(browser.html).toContain("Paid when the order was placed: Visa ending 4242.");
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.html).toContain("<dt>Paid with</dt><dd>Visa ending 4242</dd>");
    const guest = new Browser(shop);
    await guest.get(`/checkout/${sagaOf(1)}?k=guest`);
    expect([guest.status, guest.html.includes("4242")]).toEqual([200, false]);
    const unknown = shop.addOrder(2, { saga_id: sagaOf(2) });
    shop.set(sagaOf(2), {
      status: "COMPLETED",
      total_cents: 7_700,
      order_id: unknown.order_id,
      completed_at: AN_END,
    });
    await browser.get(`/checkout/${sagaOf(2)}`);
    expect([browser.status, browser.html.includes("Paid with")]).toEqual([200, false]);
    const odd = shop.addOrder(3, { card: { brand: "unknown", last4: "0001" } });
    await browser.get(`/orders/${odd.order_id}`);
    expect(browser.html).toContain("Paid when the order was placed: Card ending 0001.");
  });

  test("a sign-in by address only asks; the POST signs in; sign-out forgets", async () => {
    await browser.get(`/signin?token=${SHOPPER_TOKEN}`);
    expect(browser.cookies.has("__Host-session")).toBe(false);
    expect(browser.html).toContain("Continue");
    await browser.post("/signin", { token: SHOPPER_TOKEN, back: "//evil.example" });
    expect([browser.url, browser.cookies.get("__Host-session")]).toEqual(["/", SHOPPER_TOKEN]);
    await browser.post("/signout", {});
    expect(browser.cookies.has("__Host-session")).toBe(false);
    await browser.post("/signin", { token: "not.a.token" });
    expect([browser.status, browser.cookies.has("__Host-session")]).toEqual([422, false]);
  });
});

describe("safety", () => {
  test("no form of another site is taken", async () => {
    for (const { method, path } of SHOP_ROUTES) {
      if (method !== "POST") continue;
      await browser.post(
        path.replace(/:\w+/, sagaOf(1)),
        { token: SHOPPER_TOKEN, sku: "mug-red" },
        { origin: "https://evil.example" },
      );
      expect(browser.status).toBe(403);
    }
    expect(browser.cookies.size).toBe(0);
    expect(new Set(browser.counted)).toEqual(new Set(["foreign"]));
  });

  test("every page has a policy with its own nonce, and only scripts of the list with it", async () => {
    const nonces = new Set<string>();
    for (const path of ["/", "/cart", "/products/mug-red", "/signin", "/nowhere"]) {
      await browser.get(path);
      const nonce =
        /script-src 'nonce-([^']+)'/.exec(browser.headers.get("content-security-policy") ?? "")?.[1] ?? "";
      nonces.add(nonce);
      const tags = [...browser.html.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag);
      expect(tags).toEqual([
        `<script type="module" nonce="${nonce}" src="${assets.shop.path}" integrity="${assets.shop.integrity}">`,
      ]);
      // No style attribute and no inline handler: the policy would block them.
      expect(browser.html).not.toMatch(/ style="| on\w+="/);
    }
    expect([nonces.size, nonces.has("")]).toEqual([5, false]);
  });

  test("the card fields and their origin are only on the checkout page", async () => {
    const stripe = new Browser(shop, { cards: { kind: "stripe", publishableKey: "pk_test_1" } });
    await stripe.signIn();
    await stripe.post("/cart", { sku: "mug-red" });
    expect(stripe.html + (stripe.headers.get("content-security-policy") ?? "")).not.toContain("stripe");
    await stripe.get("/checkout");
    expect(stripe.html).toContain('src="https://js.stripe.com/v3/"');
    expect(stripe.headers.get("content-security-policy")).toContain("frame-src https://js.stripe.com");
    expect(stripe.html).not.toContain("pm_card_visa");
  });

  test.each([
    ["test cards", { kind: "test_cards" }, { payment_method: "paypal" }],
    [
      "a card field, whose value does not count then",
      { kind: "stripe", publishableKey: "pk_test_1" },
      { pay_with: "paypal" },
    ],
    ["nothing else", { kind: "none" }, { payment_method: "paypal" }],
  ] as const)("PayPal can be chosen beside %s", async (_, cards, chosen) => {
    const without = new Browser(shop, { cards });
    await without.signIn();
    await without.post("/cart", { sku: "mug-red" });
    await without.get("/checkout");
    expect(without.html).not.toContain("PayPal");
    const paying = new Browser(shop, { cards, offersPayPal: true });
    await paying.signIn();
    await paying.post("/cart", { sku: "mug-red" });
    await paying.get("/checkout");
    const [name] = Object.keys(chosen);
    expect(paying.html).toMatch(new RegExp(`<input type="radio" name="${name}" value="paypal"`));
    await paying.post("/checkout", { ...order({ payment_method: "" }), ...paying.offer, ...chosen });
    expect(paying.url).toStartWith("/checkout/");
    expect(shop.starts.at(-1)?.checkout).toMatchObject({ payment_method: "paypal", shopper_present: true });
  });

  test("PayPal is not offered for a cart in a currency that it does not take", async () => {
    const paying = new Browser(shop, { cards: { kind: "test_cards" }, offersPayPal: true });
    shop.catalogue = shop.catalogue.map((product) => ({ ...product, currency: "KWD" }));
    await paying.signIn();
    await paying.post("/cart", { sku: "mug-red" });
    await paying.get("/checkout");
    expect(paying.html).toContain('name="payment_method"');
    expect(paying.html).not.toContain("PayPal");
  });

  test("text of shoppers and of the catalogue is text, not HTML", async () => {
    const evil = `<img src=x onerror=alert(1)>"'&`;
    shop.catalogue.unshift({
      sku_id: "evil",
      name: evil,
      description: evil,
      category: evil,
      unit_price_cents: 1,
      currency: "EUR",
      available_count: 1,
    });
    await toCheckout();
    await browser.post("/checkout", order({ name: evil, email: `"><script>` }));
    const checkoutHtml = browser.html;
    const pages = [checkoutHtml];
    for (const path of [
      "/",
      "/products/evil",
      `/?q=${encodeURIComponent(evil)}`,
      `/?category=${encodeURIComponent(evil)}`,
    ]) {
      await browser.get(path);
      pages.push(browser.html);
    }
    for (const html of pages) {
      expect(html).not.toContain("<img src=x");
      expect(html).not.toContain('"><script>');
    }
  });

  test("reports of blocked content are counted by directive", async () => {
    await browser.post("/csp-reports", {}, { "content-type": "application/csp-report" });
    const report = JSON.stringify([
      { type: "csp-violation", body: { effectiveDirective: "script-src-elem" } },
    ]);
    const app = storefrontApp(
      storefrontOptions(shop, {
        counts: {
          page: () => undefined,
          refusedOrigin: () => undefined,
          cspReport: (name) => void browser.counted.push(name),
        },
      }),
    );
    await app.handle(new Request(`${ORIGIN}/csp-reports`, { method: "POST", body: report }));
    expect(browser.counted).toEqual(["other", "script"]);
  });
});

describe("around the pages", () => {
  test("the status page with style and script is at most 40 KB", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const bytes = Buffer.byteLength(browser.html) + Buffer.byteLength(assets.shop.text);
    expect(bytes).toBeLessThan(40_000);
  });

  test("assets are kept forever under an address of their content", async () => {
    await browser.get(assets.shop.path);
    expect([browser.status, browser.headers.get("cache-control")]).toEqual([
      200,
      "public, max-age=31536000, immutable",
    ]);
    await browser.get("/assets/shop.0000000000000000.js");
    expect(browser.status).toBe(404);
  });

  test("language and theme are chosen, and come back to the page", async () => {
    await browser.get("/cart", { "accept-language": "de-DE" });
    expect(browser.html).toContain('<html lang="de" data-theme="auto">');
    await browser.post("/preferences", { theme: "dark", back: "/cart" });
    await browser.post("/preferences", { language: "de", back: "/cart?x=1" });
    expect([browser.url, browser.cookies.get("__Host-view")]).toEqual(["/cart?x=1", "de.dark"]);
    expect(browser.html).toContain('<html lang="de" data-theme="dark">');
  });

  test("a service that is away gives a page that says so; a fault of ours tells no detail", async () => {
    shop.isDown = true;
    await browser.get("/");
    expect([browser.status, browser.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(browser.html).toContain("out of breath");
    const broken = new Browser(shop, { userOf: () => Promise.reject(new Error("secret of the inside")) });
    broken.cookies.set("__Host-session", "a.b.c");
    await broken.get("/");
    expect([broken.status, broken.html.includes("secret")]).toEqual([500, false]);
    expect(broken.seen).toHaveLength(1);
    expect(browser.seen[0]).toBeInstanceOf(AppError);
  });

  test("a live page gets each change, and the last one ends the stream", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const streaming = browser.get(`/checkout/${sagaOf(1)}/events`);
    await Bun.sleep(0);
    shop.set(sagaOf(1), {
      status: "COMPENSATED",
      failure_code: "INSUFFICIENT_STOCK",
      completed_at: "2026-11-29T12:04:02.000Z",
    });
    await streaming;
    const views = [...browser.html.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data));
    expect(views.at(-1)).toMatchObject({ stage: "not_ordered", done: true });
    expect(views.at(-1).state).toContain("Somebody was faster");
    expect(browser.headers.get("content-type")).toBe("text/event-stream");
    await browser.get(`/checkout/${sagaOf(1)}/view?seen=old`);
    expect(JSON.parse(browser.html)).toEqual(views.at(-1));
  });

  test("a live page that cannot be followed is refused before its stream begins", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const path = `/checkout/${sagaOf(1)}`;
    for (const way of ["events", "view"]) {
      shop.refusedStreams = 1;
      await browser.get(`${path}/${way}`);
      expect([way, browser.status, browser.headers.get("retry-after")]).toEqual([way, 429, "10"]);
      shop.isDown = true;
      await browser.get(`${path}/${way}`);
      expect([way, browser.status, browser.headers.get("retry-after")]).toEqual([way, 503, "2"]);
      shop.isDown = false;
      await browser.get(`/checkout/${sagaOf(2)}/${way}`);
      expect([way, browser.status]).toEqual([way, 404]);
    }
  });

  test("back from the bank, the payment is looked up, and its secret leaves the address", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const { url } = browser;
    await browser.get(`${url}?payment_intent=pi_1&payment_intent_client_secret=s&redirect_status=succeeded`);
    expect([browser.status, browser.url]).toEqual([200, url]);
    expect(shop.checked).toEqual([sagaOf(1)]);
    expect(browser.html).not.toContain("client_secret");
    // when nobody can look it up: the page comes all the same
    shop.isPaymentDown = true;
    await browser.get(`${url}?redirect_status=failed`);
    expect([browser.status, browser.url, browser.seen.length]).toEqual([200, url, 1]);
  });

  test("who is limited sees the form again, which says so, and orders nothing", async () => {
    await toCheckout();
    const fields = order();
    const asked: boolean[] = [];
    const admit = async (_: Request, isCheckout: boolean) => {
      asked.push(isCheckout);
      if (isCheckout) throw new TooManyRequests(1_500);
    };
    const limited = new Browser(shop, { limits: { admit, seen: () => undefined } });
    for (const [name, value] of browser.cookies) limited.cookies.set(name, value);
    await limited.get("/cart");
    await limited.post("/checkout", fields);
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(limited.html).toContain("More requests or tries came from you");
    expect([limited.offer, limited.html.includes('value="Main St 1"')]).toEqual([browser.offer, true]);
    expect([asked, shop.starts]).toEqual([[false, true], []]);
  });

  test("each status that a shopper gets is reported to the limits", async () => {
    const seen: string[] = [];
    const limits = {
      admit: async () => undefined,
      seen: (_: Request, { saga_id }: { readonly saga_id: string }) => void seen.push(saga_id),
    };
    const watched = new Browser(shop, { limits });
    await toCheckout();
    await browser.post("/checkout", order());
    for (const [name, value] of browser.cookies) watched.cookies.set(name, value);
    await watched.get(browser.url);
    expect(seen).toEqual([sagaOf(1)]);
  });

  test("the bank is asked for its page when the shopper goes there", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    shop.set(sagaOf(1), {
      status: "INVENTORY_RESERVED",
      next_action: { kind: "redirect", expires_at: "2026-11-29T12:14:00.000Z" },
    });
    await browser.get(`/checkout/${sagaOf(1)}`);
    expect(browser.html).toContain(`href="/checkout/${sagaOf(1)}/bank"`);
    shop.bank = "https://bank.example/confirm";
    await browser.get(`/checkout/${sagaOf(1)}/bank`);
    expect([browser.status, browser.headers.get("location")]).toEqual([303, "https://bank.example/confirm"]);
  });

  test("who needs more time at the bank presses a button, without scripts too, and then sees the new end", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const address = `/checkout/${sagaOf(1)}`;
    const button = `<form method="post" action="${address}/more-time"`;
    const wait = (parts: object) =>
      shop.set(sagaOf(1), {
        status: "INVENTORY_RESERVED",
        next_action: { kind: "redirect", expires_at: "2026-11-29T12:14:00.000Z", ...parts },
      });
    wait({ extendable: true });
    await browser.get(address);
    expect(browser.html).toContain(button);
    expect(browser.html).toContain("We hold your items until");
    expect(browser.html).toContain('<time datetime="2026-11-29T12:14:00.000Z"');
    // The holder of a link sees the time, and does not decide.
    const guest = new Browser(shop);
    await guest.get(`${address}?k=guest`);
    expect([guest.html.includes("12:14"), guest.html.includes(button)]).toEqual([true, false]);
    await guest.post(`${address}/more-time?k=guest`, {});
    expect(shop.checkouts.get(sagaOf(1))?.status.next_action).toMatchObject({ extendable: true });
    const stranger = new Browser(shop);
    await stranger.post(`${address}/more-time`, {});
    expect(stranger.url).toBe(`/signin?needed=1&back=${encodeURIComponent(address)}`);

    await browser.post(`${address}/more-time`, {});
    expect([browser.status, browser.url]).toEqual([200, address]);
    expect(browser.html).toContain('<time datetime="2026-11-29T12:19:00.000Z"');
    expect(browser.html).not.toContain(button);
    // Once more, out of the browser's memory: nothing happens, and the page tells what is.
    await browser.post(`${address}/more-time`, {});
    expect([browser.status, browser.html.includes("12:19")]).toEqual([200, true]);
    wait({});
    await browser.get(address);
    expect(browser.html).not.toContain(button);
  });

  test("the last minute at the bank is announced, not each second of it", async () => {
    await toCheckout();
    await browser.post("/checkout", order());
    const spoken = (html: string) =>
      /<div role="status" aria-atomic="false">.*?<div id="rest">/s.exec(html)?.[0] ?? "";
    const at = async (expires_at: string) => {
      shop.set(sagaOf(1), { status: "INVENTORY_RESERVED", next_action: { kind: "redirect", expires_at } });
      await browser.get(`/checkout/${sagaOf(1)}`);
      return spoken(browser.html);
    };
    const warning = ">Less than a minute is left to confirm.<";
    expect(await at("2999-11-29T12:14:00.000Z")).not.toContain(warning);
    expect(await at("2020-11-29T12:14:00.000Z")).toContain(warning);
    expect(spoken(browser.html)).not.toContain("timer");
    expect(browser.html).toContain('role="timer"');
  });
});
