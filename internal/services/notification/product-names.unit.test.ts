// The names of a mail's products, from an inventory over HTTP: asked for once for many mails, and never in the way of a mail.
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { SendNotification } from "../../../schemas/notification.ts";
import { CatalogueNames } from "./product-names.ts";

const asked: string[] = [];
let answer: () => Response | Promise<Response>;
const inventory = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: ({ url }) => {
    asked.push(new URL(url).searchParams.get("skus") ?? "");
    return answer();
  },
});
afterAll(() => inventory.stop(true));

const item = (sku_id: string, name: string) => ({
  sku_id,
  name,
  unit_price_cents: 1,
  currency: "EUR",
  available_count: 1,
});
const clock = { at: 0, now: () => clock.at };
let faults: unknown[];
let names: CatalogueNames;
beforeEach(() => {
  asked.length = 0;
  faults = [];
  clock.at = 1_000_000;
  answer = () =>
    Response.json({
      items: [{ ...item("tea", "Tea"), names: { de: "Tee" } }, item("mug", "Mug")],
      next: null,
    });
  const url = `http://127.0.0.1:${inventory.port}`;
  names = new CatalogueNames({ url, clock, timeoutMs: 200, onError: (error) => void faults.push(error) });
});

const mail = (...skus: readonly string[]): SendNotification => ({
  message_id: "01900000-0000-7000-8000-000000000002",
  type: "SendNotification",
  schema_version: 1,
  saga_id: "01900000-0000-7000-8000-000000000001",
  occurred_at: "2026-11-23T12:00:00.000Z",
  user_id: "01900000-0000-7000-8000-00000000f00d",
  email: "ada@example.com",
  template: "order_confirmed",
  currency: "EUR",
  items: skus.map((sku_id) => ({ sku_id, quantity: 1, unit_price_cents: 1 })),
});

test("the mails of a batch ask once for each product, and later ones not at all", async () => {
  const found = await Promise.all([
    names.of(mail("tea", "gone")),
    names.of(mail("tea", "mug")),
    names.of(mail("mug")),
  ]);
  expect(found.map((one) => [...one.keys()])).toEqual([["tea"], ["tea", "mug"], ["mug"]]);
  expect(found[0]?.get("tea")).toEqual({ name: "Tea", names: { de: "Tee" } });
  await names.of(mail("tea", "mug", "gone"));
  expect([asked, faults]).toEqual([["tea,gone", "mug"], []]);
});

test("a mail without items asks nothing", async () => {
  expect((await names.of(mail())).size).toBe(0);
  expect(asked).toEqual([]);
});

test.each([
  ["an error", () => Response.json({ error: "UNAVAILABLE" }, { status: 503 })],
  ["no JSON", () => new Response("<html>")],
  ["something else", () => Response.json({ items: "none" })],
  ["nothing in time", () => new Promise<Response>(() => undefined)],
])(
  "while inventory answers with %s a mail has the names that are known, and inventory gets a rest",
  async (_, fault) => {
    await names.of(mail("tea"));
    answer = fault;
    clock.at += 11 * 60_000;
    expect((await names.of(mail("tea", "mug"))).get("tea")?.name).toBe("Tea");
    await names.of(mail("mug"));
    expect([asked, faults.length]).toEqual([["tea", "tea,mug"], 1]);
    clock.at += 6_000;
    answer = () => Response.json({ items: [item("tea", "Green tea"), item("mug", "Mug")], next: null });
    expect((await names.of(mail("tea"))).get("tea")?.name).toBe("Green tea");
  },
);
