// The catalogue behind the shop's pages: read once for many pages, and again after a checkout found another price or stock.
import { expect, test } from "bun:test";
import type { SagaStatusView } from "../../schemas/http.ts";
import type { SagaHistory } from "../../schemas/shop.ts";
import { TooManyRequests } from "../storefront/port.ts";
import { AppError } from "../kernel/errors.ts";
import { EventStreams } from "./event-streams.ts";
import { GatewayShopData, type ShopDataOptions } from "./shop-data.ts";
import { ProblemError } from "./problem.ts";
import { StreamSlots } from "./stream-slots.ts";
import { startedView } from "../testkit/status-view.ts";

const START = Date.parse("2026-11-29T12:00:00.000Z");

/** Only what these tests call. */
function shopOf(ends: Readonly<Record<string, Partial<SagaStatusView>>>) {
  const clock = { at: START, now: () => clock.at };
  let price = 1_250;
  const inventory = {
    page: async () => ({
      items: [{ sku_id: "tea", name: "Tea", unit_price_cents: price, currency: "EUR", available_count: 5 }],
      next: null,
    }),
  };
  const orchestrator = { status: async (sagaId: string) => ends[sagaId] ?? null };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the clients have private parts; only these methods are called
  const data = new GatewayShopData({ clock, inventory, orchestrator } as unknown as ShopDataOptions);
  return {
    clock,
    data,
    setPrice: (cents: number) => void (price = cents),
    shown: async () => (await data.productsBySku(["tea"])).get("tea")?.unit_price_cents,
  };
}

test.each([
  ["PRICE_CHANGED", 1_400],
  ["INSUFFICIENT_STOCK", 1_400],
  // It says nothing about the catalogue, which stays fresh for five seconds.
  ["CARD_DECLINED", 1_250],
])("after %s the next page shows %i", async (failure_code, expected) => {
  const completed_at = new Date(START + 1_000).toISOString();
  const shop = shopOf({ saga: { status: "COMPENSATED", failure_code, completed_at } });
  expect(await shop.shown()).toBe(1_250);
  shop.setPrice(1_400);
  shop.clock.at += 1_000;
  expect(await shop.shown()).toBe(1_250);
  await shop.data.status("saga", "user");
  shop.clock.at += 1;
  expect(await shop.shown()).toBe(expected);
});

test("an old refusal, or one of a host whose clock is ahead, does not read the catalogue again forever", async () => {
  const ahead = new Date(START + 60_000).toISOString();
  const shop = shopOf({
    saga: { status: "COMPENSATED", failure_code: "PRICE_CHANGED", completed_at: ahead },
  });
  await shop.data.status("saga", "user");
  shop.clock.at += 1;
  expect(await shop.shown()).toBe(1_250);
  shop.setPrice(1_400);
  shop.clock.at += 1;
  expect(await shop.shown()).toBe(1_250);
});

test("products of a large catalogue are asked for together, and missing ones are left out", async () => {
  const KEPT = 5_000;
  const skuOf = (number: number) => `sku-${String(number).padStart(6, "0")}`;
  const itemOf = (sku_id: string) => ({
    sku_id,
    name: sku_id,
    unit_price_cents: 100,
    currency: "EUR",
    available_count: 1,
  });
  const asked: number[] = [];
  const inventory = {
    async page(after: string | undefined, limit: number) {
      const first = after === undefined ? 0 : Number(after.slice(4)) + 1;
      const items = Array.from({ length: limit }, (_, i) => itemOf(skuOf(first + i)));
      return { items, next: items.at(-1)?.sku_id ?? null };
    },
    async items(skus: readonly string[]) {
      asked.push(skus.length);
      return skus.filter((sku) => sku !== "gone").map(itemOf);
    },
  };
  const clock = { now: () => START };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the clients have private parts; only these methods are called
  const data = new GatewayShopData({ clock, inventory } as unknown as ShopDataOptions);
  const others = Array.from({ length: 60 }, (_, i) => skuOf(KEPT + i));
  const found = await data.productsBySku([skuOf(1), ...others, "gone"]);
  expect([...found.keys()].toSorted()).toEqual([skuOf(1), ...others]);
  expect(asked).toEqual([50, 11]);
});

test("every page of the shelves leads to the one before, and the last one to no further one", async () => {
  const skus = Array.from({ length: 60 }, (_, i) => `sku-${String(i).padStart(2, "0")}`);
  const items = skus.map((sku_id, i) => ({
    sku_id,
    name: sku_id,
    unit_price_cents: 100,
    currency: "EUR",
    available_count: 1,
    category: "Tea",
    ...(i === 7 ? { categories: { de: "Tee" } } : {}),
  }));
  const inventory = { page: async () => ({ items, next: null }) };
  const clock = { now: () => START };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the clients have private parts; only these methods are called
  const data = new GatewayShopData({ clock, inventory } as unknown as ShopDataOptions);
  const first = await data.products({});
  expect([first.items.length, first.previous, first.next]).toEqual([24, null, "sku-23"]);
  expect(first.categories).toEqual([{ category: "Tea", categories: { de: "Tee" } }]);
  const second = await data.products({ after: "sku-23" });
  expect([second.items[0]?.sku_id, second.previous, second.next]).toEqual(["sku-24", "", "sku-47"]);
  const third = await data.products({ after: "sku-47" });
  expect([third.items.length, third.previous, third.next]).toEqual([12, "sku-23", null]);
  const beyond = await data.products({ after: "sku-99" });
  expect([beyond.items, beyond.previous, beyond.next]).toEqual([[], "sku-35", null]);
  const none = await data.products({ search: "nothing" });
  expect([none.items, none.previous, none.next]).toEqual([[], null, null]);
  // The German word finds it, too.
  expect((await data.products({ search: "tee" })).items.map(({ sku_id }) => sku_id)).toEqual(["sku-07"]);
});

/** The pages and the API of one gateway over an orchestrator that answers this, and then nothing new. */
function gatewayOf(answer: () => Promise<SagaHistory | null>, total = 100) {
  const slots = { stream: new StreamSlots({ total }), poll: new StreamSlots({ total }) };
  const history = async () => {
    await Bun.sleep(1);
    return answer();
  };
  const orchestrator = { history };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the clients have private parts; only these methods are called
  const data = new GatewayShopData({ orchestrator, slots } as unknown as ShopDataOptions);
  const streams = new EventStreams({ orchestrator, slots: slots.stream });
  const leaving = new AbortController();
  return {
    slots,
    leave: () => leaving.abort(),
    page: (userId = "user", by: "stream" | "poll" = "stream") =>
      data.changes("saga", userId, { signal: leaving.signal, by, isGuest: false }),
    guest: () => data.changes("saga", "user", { signal: leaving.signal, by: "stream", isGuest: true }),
    api: (userId = "user") =>
      streams.open({ sagaId: "saga", userId, after: 0, signal: new AbortController().signal }),
  };
}

const AT = new Date(START).toISOString();
const open: SagaHistory = {
  events: [{ id: 1, status: "STARTED", step: "reserve", at: AT }],
  view: startedView("saga", AT),
};

test("the streams of the pages and of the API are counted together, the pages' polls apart", async () => {
  const { page, api, leave, slots } = gatewayOf(async () => open);
  await page();
  await page();
  await api();
  await api();
  await expect(page()).rejects.toBeInstanceOf(TooManyRequests);
  await expect(api()).rejects.toMatchObject({ type: "too-many-streams" });
  await page("another");
  for (let poll = 0; poll < 4; poll += 1) await page("user", "poll");
  await expect(page("user", "poll")).rejects.toBeInstanceOf(TooManyRequests);
  // Nobody went through the pages' changes: leaving gives the slots back all the same.
  leave();
  expect([slots.stream.size, slots.poll.size]).toEqual([2, 0]);
  slots.stream[Symbol.dispose]();
});

test("guests with the link of a mail take no stream from its shopper", async () => {
  const { page, guest, leave } = gatewayOf(async () => open);
  for (let stream = 0; stream < 4; stream += 1) await guest();
  await expect(guest()).rejects.toBeInstanceOf(TooManyRequests);
  expect(await page()).not.toBeNull();
  leave();
});

test("a gateway that is full or stops refuses a page with an error that passes", async () => {
  const { page, api, slots } = gatewayOf(async () => open, 1);
  await api();
  await expect(page("another")).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE", canRetry: true });
  slots.stream[Symbol.dispose]();
  await expect(page()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
});

test("a page whose saga is missing, whose orchestrator is away, or that has ended holds no slot", async () => {
  const missing = gatewayOf(async () => null);
  expect(await missing.page()).toBeNull();
  const away = gatewayOf(() => Promise.reject(new AppError("SERVICE_UNAVAILABLE", "away")));
  await expect(away.page()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  const done = { ...open, view: { ...open.view, status: "COMPLETED" as const, completed_at: AT } };
  const answers = [open, done];
  const ended = gatewayOf(async () => answers.shift() ?? null);
  const seen = await Array.fromAsync((await ended.page()) ?? []);
  expect(seen.map(({ status }) => status)).toEqual(["STARTED", "COMPLETED"]);
  const left = gatewayOf(async () => open);
  for await (const { status } of (await left.page()) ?? []) {
    expect(status).toBe("STARTED");
    break;
  }
  for (const { slots } of [missing, away, ended, left]) expect(slots.stream.size).toBe(0);
});

test.each([
  ["CONFIRMED", "step order", ["saga order user"]],
  ["CONFIRMED", "not completed", ["saga order user"]],
  ["SHIPPED", "step order", []],
  ["CANCELLED", "step order", ["saga order user"]],
  [null, "step order", []],
] as const)(
  "a %s order is cancelled if it can be, and the page tells (%s)",
  async (status, answer, expected) => {
    const asked: string[] = [];
    const order = status === null ? null : { order_id: "order", saga_id: "saga", status };
    const orchestrator = {
      cancelOrder: async (...ids: readonly string[]) => {
        asked.push(ids.join(" "));
        if (answer === "not completed") throw new ProblemError("not-cancellable");
        return { step: "order" };
      },
    };
    const orders = { order: async () => order };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    const data = new GatewayShopData({ orders, orchestrator } as unknown as ShopDataOptions);
    await data.cancelOrder("user", "order");
    expect(asked).toEqual([...expected]);
  },
);

test("a cancellation that may or may not have started is an error", async () => {
  const away = async () => {
    throw new AppError("SERVICE_UNAVAILABLE", "no answer");
  };
  const orders = { order: async () => ({ order_id: "order", saga_id: "saga", status: "CONFIRMED" }) };
  const orchestrator = { cancelOrder: away };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  const data = new GatewayShopData({ orders, orchestrator } as unknown as ShopDataOptions);
  await expect(data.cancelOrder("user", "order")).rejects.toThrow("no answer");
});
