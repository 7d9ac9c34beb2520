// The names of a mail's products, from an inventory over HTTP: asked for once for many mails, and never in the way of a mail.
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { SendNotification } from "../../../schemas/notification.ts";
import { CONFIRMATION } from "../../testkit/confirmation.ts";
import { CatalogueNames } from "./product-names.ts";

const asked: string[] = [];
const shown: (string | null)[] = [];
let answer: () => Response | Promise<Response>;
const inventory = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: ({ url, headers }) => {
    shown.push(headers.get("authorization"));
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
/** As CallerCredential: another token once the other clock is known. */
let skewed: boolean;
const credential = {
  header: async () => (skewed ? "Bearer later" : "Bearer now"),
  correctClock: (date: string | null) => {
    if (date === "tomorrow") skewed = true;
  },
};
const clock = { at: 0, now: () => clock.at };
let faults: unknown[];
let names: CatalogueNames;
/** Short only where nothing answers: a busy machine needs longer for an answer. */
let timeoutMs: number;
beforeEach(() => {
  asked.length = 0;
  shown.length = 0;
  skewed = false;
  faults = [];
  clock.at = 1_000_000;
  answer = () =>
    Response.json({
      items: [{ ...item("tea", "Tea"), names: { de: "Tee" } }, item("mug", "Mug")],
      next: null,
    });
  const url = `http://127.0.0.1:${inventory.port}`;
  const onError = (error: unknown) => void faults.push(error);
  timeoutMs = 20_000;
  const options = { url, credential, clock, onError };
  names = new CatalogueNames({
    ...options,
    get timeoutMs() {
      return timeoutMs;
    },
  });
});

const mail = (...skus: readonly string[]): SendNotification => ({
  ...CONFIRMATION,
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
    timeoutMs = 200;
    clock.at += 11 * 60_000;
    expect((await names.of(mail("tea", "mug"))).get("tea")?.name).toBe("Tea");
    await names.of(mail("mug"));
    expect([asked, faults.length]).toEqual([["tea", "tea,mug"], 1]);
    clock.at += 6_000;
    timeoutMs = 20_000;
    answer = () => Response.json({ items: [item("tea", "Green tea"), item("mug", "Mug")], next: null });
    expect((await names.of(mail("tea"))).get("tea")?.name).toBe("Green tea");
  },
);

test("inventory sees the credential of this service", async () => {
  await names.of(mail("tea"));
  expect(shown).toEqual(["Bearer now"]);
});

test("a token that inventory's clock refuses is replaced, once", async () => {
  const refusal = () => Response.json({ error: "expired" }, { status: 401, headers: { date: "tomorrow" } });
  const inStock = answer;
  answer = () => (shown.length === 1 ? refusal() : inStock());
  expect((await names.of(mail("tea"))).get("tea")?.name).toBe("Tea");
  expect([shown, faults]).toEqual([["Bearer now", "Bearer later"], []]);
  answer = refusal;
  await names.of(mail("mug"));
  expect([shown.length, faults.length]).toEqual([3, 1]);
});

test.each([[401], [403]])("who is refused with %d hears which setting is wrong", async (status) => {
  answer = () => Response.json({ error: "refused" }, { status });
  expect((await names.of(mail("tea"))).size).toBe(0);
  expect(faults.map(String)).toEqual([
    expect.stringMatching(new RegExp(`refuses this service \\(${status}\\).*NOTIFICATION_PRIVATE_JWK`)),
  ]);
});
