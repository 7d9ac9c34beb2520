// What the shop does when something is away or too much: a session that cannot be checked, a form that is too long, the limits.
import { beforeEach, describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { serveHttp } from "../platform/serve-http.ts";
import { Browser, ORIGIN } from "../testkit/form-browser.ts";
import { sagaOf, SHOPPER_ID, ShopInMemory, storefrontOptions } from "../testkit/storefront.ts";
import { SHOP_ROUTES, storefrontApp } from "./app.ts";
import { assets } from "./assets.ts";
import { SESSION } from "./cookies.ts";
import { TooManyRequests } from "./port.ts";

const KB = 1_024;

let shop: ShopInMemory;
beforeEach(() => {
  shop = new ShopInMemory();
});

describe("a session that nobody can check now", () => {
  const away = async () => {
    throw new AppError("SERVICE_UNAVAILABLE", "a token's key is not known, and the keys are away");
  };
  let browser: Browser;
  beforeEach(() => {
    browser = new Browser(shop, { userOf: away });
    browser.cookies.set(SESSION, "a.b.c");
  });

  test.each(["/", "/?q=mug", "/products/mug-red", "/cart", "/signin"])(
    "%s is shown as to somebody who is not signed in",
    async (path) => {
      await browser.get(path);
      expect([browser.status, browser.url]).toEqual([200, path]);
      expect(browser.html).toContain('href="/signin"');
      // Operators hear of it.
      expect(browser.seen[0]).toBeInstanceOf(AppError);
    },
  );

  test("the cart can be filled", async () => {
    await browser.post("/cart", { sku: "mug-red", back: "/products/mug-red" });
    expect([browser.status, browser.cookies.get("__Host-cart")]).toEqual([200, "mug-red!1"]);
  });

  test.each(["/checkout", "/orders", `/checkout/${sagaOf(1)}`, "/signin?token=a.b.c"])(
    "%s says that it cannot be checked, and does not ask for another sign-in",
    async (path) => {
      await browser.get(path);
      expect([browser.status, browser.url]).toEqual([503, path]);
      expect(browser.headers.get("retry-after")).toBe("2");
      expect(browser.title).toBe("We cannot check your sign-in right now");
      // The session stays for when it can be checked again.
      expect(browser.cookies.get(SESSION)).toBe("a.b.c");
      if (path.includes("token")) expect(browser.headers.get("referrer-policy")).toBe("no-referrer");
    },
  );

  test("live updates are tried again, and a guest's link still works", async () => {
    shop.set(sagaOf(1), {}, SHOPPER_ID);
    for (const path of ["events", "view"]) {
      await browser.get(`/checkout/${sagaOf(1)}/${path}`);
      expect(browser.status).toBe(503);
    }
    await browser.get(`/checkout/${sagaOf(1)}?k=guest`);
    expect([browser.status, browser.title]).toEqual([200, "Holding your items"]);
  });
});

describe("a form that is too long", () => {
  const app = () => storefrontApp(storefrontOptions(shop));
  const long = (path: string, body: BodyInit) =>
    new Request(ORIGIN + path, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        origin: ORIGIN,
        host: "localhost",
      },
    });

  test("is answered with a page, whether its length is said or not", async () => {
    for (const body of [`sku=${"x".repeat(64 * KB)}`, endless().stream]) {
      const answer = await app().handle(long("/cart", body));
      expect(answer.status).toBe(413);
      expect(await answer.text()).toContain("<h1>That was too much to send</h1>");
    }
    expect((await app().handle(long("/cart", `sku=mug-red&x=${"y".repeat(63 * KB)}`))).status).toBe(303);
  });

  test("is not read to its end", async () => {
    const { stream, sent } = endless();
    await app().handle(long("/checkout", stream));
    expect(sent()).toBeLessThan(80 * KB);
  });

  test("is refused by the server, which goes on with the connection", async () => {
    await using server = serveHttp(app(), { hostname: "127.0.0.1", port: 0 });
    const shopUrl = `http://127.0.0.1:${server.port}`;
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: shopUrl };
    const body = `sku=${"x".repeat(200 * KB)}`;
    const answer = await fetch(`${shopUrl}/cart`, { method: "POST", headers, body });
    expect([answer.status, (await answer.text()).includes("too much to send")]).toEqual([413, true]);
    const next = await fetch(`${shopUrl}/cart`);
    expect(next.status).toBe(200);
  });

  test("a report of a blocked script is short, too, and no page answers it", async () => {
    const request = new Request(`${ORIGIN}/csp-reports`, { method: "POST", body: "x".repeat(17 * KB) });
    const answer = await app().handle(request);
    expect([answer.status, await answer.text()]).toEqual([413, ""]);
  });

  /** A form of no stated length that never ends by itself. */
  function endless() {
    let bytes = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = new Uint8Array(4 * KB).fill(97);
        bytes += chunk.length;
        controller.enqueue(chunk);
      },
    });
    return { stream, sent: () => bytes };
  }
});

describe("the limits", () => {
  let admitted: string[];
  let browser: Browser;
  beforeEach(() => {
    admitted = [];
    const admit = async ({ url }: Request, isCheckout: boolean) => {
      admitted.push(`${new URL(url).pathname}${isCheckout ? " (checkout)" : ""}`);
      if (url.includes("limited")) throw new TooManyRequests(1_500);
    };
    browser = new Browser(shop, { limits: { admit, seen: () => undefined } });
  });

  test("count addresses that lead nowhere, and reports of blocked content", async () => {
    for (const path of ["/nowhere", "/assets/none.js", "/products/none"]) {
      await browser.get(path);
      expect(browser.status).toBe(404);
    }
    await browser.post("/csp-reports", {});
    expect(browser.status).toBe(204);
    expect(admitted).toEqual(["/nowhere", "/assets/none.js", "/products/none", "/csp-reports"]);
    await browser.get("/nowhere?limited");
    expect([browser.status, browser.headers.get("retry-after")]).toEqual([429, "2"]);
    await browser.post("/csp-reports?limited", {});
    expect([browser.status, browser.html]).toEqual([429, ""]);
    expect(browser.counted).toEqual(["other"]);
  });

  test("leave out the files, which are ready in memory", async () => {
    await browser.get(assets.shop.path);
    expect([browser.status, admitted]).toEqual([200, []]);
  });

  test("count a form of another site as a request, and never as a checkout of its victim", async () => {
    await browser.post("/checkout", {}, { origin: "https://evil.example" });
    expect([browser.status, admitted]).toEqual([403, ["/checkout"]]);
    await browser.post("/checkout", {});
    expect(admitted.at(1)).toBe("/checkout (checkout)");
  });
});

describe("a form that cannot be answered now", () => {
  const FORMS = SHOP_ROUTES.filter(({ method }) => method === "POST").map(({ path }) => path);
  const fields = { sku: "mug-red", token: "a.b.c", back: "/products/mug-red" };
  let addressOf: (form: string) => string;
  let browser: Browser;
  beforeEach(async () => {
    const { order_id } = shop.addOrder(1, { saga_id: sagaOf(1) });
    shop.set(sagaOf(1), { status: "COMPLETED", order_id, completed_at: "2026-11-29T12:04:02.000Z" });
    addressOf = (form) => form.replace(":id", order_id).replace(":saga", sagaOf(1));
    browser = new Browser(shop);
    await browser.signIn();
    await browser.post("/cart", { sku: "mug-red" });
  });

  /** Where the page leads: its buttons that are links, and the way back of language and theme. */
  function waysOut({ html }: Browser): string[] {
    const found = html.matchAll(/<a class="button[^"]*" href="([^"]*)"|name="back" value="([^"]*)"/g);
    return [...found].map(([, link, back]) => (link ?? back ?? "").replaceAll("&amp;", "&"));
  }

  test.each(FORMS)("%s leads to a page that is there, when all are refused", async (form) => {
    const admit = async () => {
      throw new AppError("SERVICE_UNAVAILABLE", "too much to do");
    };
    const refused = new Browser(shop, { limits: { admit, seen: () => undefined } });
    await refused.post(addressOf(form), fields);
    expect(refused.status).toBe(503);
    const ways = waysOut(refused);
    // "Try again", the shop, language, theme.
    expect(ways).toHaveLength(4);
    expect(new Set(ways).size).toBeLessThanOrEqual(2);
    for (const way of ways) {
      await browser.get(way);
      expect([way, browser.status]).toEqual([way, 200]);
    }
  });

  test.each(FORMS)("%s leads to a page that is there, when the services are away", async (form) => {
    shop.isDown = true;
    await browser.post(addressOf(form), fields);
    const ways = browser.status === 503 ? waysOut(browser) : [];
    shop.isDown = false;
    for (const way of ways) {
      await browser.get(way);
      expect([way, browser.status]).toEqual([way, 200]);
    }
  });

  test("leads back to the page that it stands on", async () => {
    const { order_id } = shop.placed[0] ?? {};
    shop.isDown = true;
    await browser.post(`/orders/${order_id}/again`, {});
    expect(browser.html).toContain(`<a class="button" href="/orders/${order_id}">Try again`);
    await browser.post(`/checkout/${sagaOf(1)}/more-time`, {});
    expect(browser.html).toContain(`<a class="button" href="/checkout/${sagaOf(1)}">Try again`);
    const away = async () => {
      throw new AppError("SERVICE_UNAVAILABLE", "the keys are away");
    };
    const nobody = new Browser(shop, { userOf: away });
    await nobody.post("/signin", { token: "a.b.c", back: "/checkout" });
    expect([nobody.status, nobody.title]).toEqual([503, "We cannot check your sign-in right now"]);
    expect(nobody.html).toContain('<a class="button" href="/signin?back=%2Fcheckout">Try again');
  });
});

describe("an order whose cancellation nobody can tell about", () => {
  let browser: Browser;
  let address: string;
  const away = async () => {
    throw new AppError("SERVICE_UNAVAILABLE", "the orchestrator does not answer");
  };
  beforeEach(async () => {
    const { order_id } = shop.addOrder(1, { saga_id: sagaOf(1) });
    address = `/orders/${order_id}`;
    shop.set(sagaOf(1), { status: "COMPLETED", order_id, completed_at: "2026-11-29T12:04:02.000Z" });
    browser = new Browser(shop);
    await browser.signIn();
  });

  test("says so, and how to look again", async () => {
    shop.status = away;
    await browser.get(address);
    expect(browser.status).toBe(200);
    expect(browser.html).toContain(
      `We cannot say right now whether this order is being cancelled, or can be. <a href="${address}">Look again</a>`,
    );
    expect(browser.html).not.toContain(`${address}/cancel`);
    expect(browser.seen).toHaveLength(1);
    // One that is sent, or cancelled, is not asked about.
    shop.placed[0] = { ...shop.addOrder(1, {}), status: "SHIPPED" };
    await browser.get(address);
    expect(browser.html).not.toContain("We cannot say");
  });

  test("stays in the list, with what the order itself says", async () => {
    shop.cancelling = away;
    await browser.get("/orders");
    expect(browser.status).toBe(200);
    expect(browser.html).toContain("Being packed");
    expect(browser.seen).toHaveLength(1);
  });

  test("may have begun when the answer is lost: the page says that, and leads to the order", async () => {
    const cancel = shop.cancelOrder.bind(shop);
    shop.cancelOrder = async (...of) => {
      await cancel(...of);
      return away();
    };
    await browser.post(`${address}/cancel`, {});
    expect([browser.status, browser.title]).toEqual([503, "We did not get an answer"]);
    expect(browser.html).toContain("The cancellation may or may not have begun.");
    expect(browser.html).not.toContain("Nothing is lost");
    expect(browser.html).toContain(`<a class="button" href="${address}">See the order</a>`);
    await browser.get(address);
    expect(browser.html).toContain("We are cancelling your order");
  });
});
