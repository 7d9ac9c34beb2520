// The catalogue's HTTP API on a real Postgres, over a real port.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { shopCurrencies } from "../../kernel/shop-currencies.ts";
import type { Database } from "../../messaging/database.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { type HttpServer, serveHttp } from "../../platform/serve-http.ts";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";
import { catalogueApi } from "./catalogue-http.ts";
import { accessTo, AS_ADA } from "../../testkit/callers.ts";
import { ignore } from "../../testkit/noop-telemetry.ts";

let database: TestDatabase;
let server: HttpServer;
const logged: string[] = [];
const log = { info: ignore, error: (_: object, message: string) => void logged.push(message) };
const serve = (of: Database) =>
  serveHttp(
    catalogueApi({ access: accessTo("inventory"), database: of, log, currencies: shopCurrencies("") }),
    {
      hostname: "127.0.0.1",
      port: 0,
    },
  );
const urlOf = (path: string, { port } = server) => `http://127.0.0.1:${port}${path}`;

beforeAll(async () => {
  database = await cloneDatabase("inventory");
  server = serve(database.postgres);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const item = (sku_id: string, add_count = 5, unit_price_cents = 250) => ({
  sku_id,
  name: `Product ${sku_id}`,
  unit_price_cents,
  currency: "EUR",
  add_count,
});

type AskInit = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> };

async function ask(path: string, init: AskInit = {}) {
  const response = await fetch(urlOf(path), { ...init, headers: { ...AS_ADA, ...init.headers } });
  const type = response.headers.get("content-type");
  return { status: response.status, type, body: await response.json() };
}

function put(body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return ask("/catalogue", {
    method: "PUT",
    body: text,
    headers: { "content-type": "application/json", ...headers },
  });
}

test("a restock adds to the stock and sets name and price", async () => {
  expect(await put({ items: [item("b-2"), item("b-1", 7)] })).toMatchObject({
    status: 200,
    body: {
      items: [
        { sku_id: "b-1", name: "Product b-1", unit_price_cents: 250, currency: "EUR", available_count: 7 },
        { sku_id: "b-2", available_count: 5 },
      ],
    },
  });
  expect((await put({ items: [item("b-1", 1, 300)] })).body).toMatchObject({
    items: [{ sku_id: "b-1", unit_price_cents: 300, available_count: 8 }],
  });
  expect(await ask("/catalogue/b-1")).toMatchObject({ status: 200, body: { available_count: 8 } });
  expect([...(await database.sql`select stocked_count from inventory where sku_id = 'b-1'`)]).toEqual([
    { stocked_count: 8 },
  ]);
});

test("a restock repeated with its Idempotency-Key is added once", async () => {
  const headers = { "idempotency-key": Bun.randomUUIDv7() };
  const answers = [
    await put({ items: [item("k-1")] }, headers),
    await put({ items: [item("k-1")] }, headers),
  ];
  expect(answers.map(({ body }) => body)).toMatchObject([
    { items: [{ available_count: 5 }] },
    { items: [{ available_count: 5 }] },
  ]);
  const crossing = { "idempotency-key": Bun.randomUUIDv7() };
  await Promise.all(Array.from({ length: 5 }, () => put({ items: [item("k-1")] }, crossing)));
  expect((await ask("/catalogue/k-1")).body).toMatchObject({ available_count: 10 });
});

test("restocks of the same SKUs in different orders do not deadlock", async () => {
  const skus = ["o-1", "o-2", "o-3", "o-4"];
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      put({ items: (i % 2 === 0 ? skus : skus.toReversed()).map((sku) => item(sku, 1)) }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await ask("/catalogue/o-4")).body).toMatchObject({ available_count: 12 });
});

test("the list is paged", async () => {
  await put({ items: ["z-1", "z-2", "z-3"].map((sku) => item(sku)) });
  const page = await ask("/catalogue?after=z&limit=2");
  expect(page.body).toMatchObject({ items: [{ sku_id: "z-1" }, { sku_id: "z-2" }], next: "z-2" });
  expect((await ask("/catalogue?after=z-2&limit=2")).body).toMatchObject({
    items: [{ sku_id: "z-3" }],
    next: null,
  });
  expect((await ask("/catalogue?after=z-3")).body).toEqual({ items: [], next: null });
  expect((await ask("/catalogue?after=z&limit=1&totals=true")).body).toMatchObject({
    items: [{ sku_id: "z-1", stocked_count: 5 }],
  });
  expect(page.body).not.toHaveProperty("items.0.stocked_count");
});

const texts = {
  category: "Tea",
  description: "A light tea.\nFrom high gardens.",
  names: { de: "Grüner Tee", "pt-BR": "Chá verde" },
  descriptions: { de: "Ein heller Tee." },
  categories: { de: "Tee" },
  picture: "/pictures/tea.webp",
};

test("a product has texts in several languages, which a restock without them keeps and null removes", async () => {
  const shelf = { ...item("t-1"), ...texts };
  expect(await put({ items: [shelf] })).toMatchObject({
    status: 200,
    body: {
      items: [{ sku_id: "t-1", available_count: 5, ...texts }],
      changes: { created: 1, changed: 0, unchanged: 0, stock_added: 5, stock_removed: 0 },
    },
  });
  await put({ items: [item("t-1", 1)] });
  const { body } = await ask("/catalogue/t-1");
  expect(body).toEqual({
    sku_id: "t-1",
    name: "Product t-1",
    unit_price_cents: 250,
    currency: "EUR",
    available_count: 6,
    ...texts,
  });
  expect((await ask("/catalogue?after=t&limit=1")).body).toMatchObject({ items: [texts] });
  const { description: _, ...rest } = { ...texts };
  await put({ items: [{ ...item("t-1", 0), description: null }] });
  expect((await ask("/catalogue/t-1")).body).not.toHaveProperty("description");
  expect((await ask("/catalogue/t-1")).body).toMatchObject(rest);
});

test("a total sets the stock: a repeat changes nothing, and sold pieces stay sold", async () => {
  const { add_count: _, ...shelf } = item("s-1");
  const total = (stock_total: number) => put({ items: [{ ...shelf, stock_total }] });
  await total(10);
  await database.sql`update inventory set available_count = available_count - 4 where sku_id = 's-1'`;
  expect((await total(10)).body).toMatchObject({
    items: [{ available_count: 6 }],
    changes: { unchanged: 1, stock_added: 0 },
  });
  expect((await total(25)).body).toMatchObject({
    items: [{ available_count: 21 }],
    changes: { stock_added: 15 },
  });
  expect((await total(4)).body).toMatchObject({
    items: [{ available_count: 0 }],
    changes: { stock_removed: 21 },
  });
  expect(await total(3)).toMatchObject({
    status: 422,
    body: { errors: [{ path: "/items/0/stock_total", message: expect.stringContaining("4 pieces") }] },
  });
});

test("a dry run says what would change and changes nothing", async () => {
  await put({ items: [item("d-1")] });
  const dryRun = (body: unknown) =>
    ask("/catalogue?dry_run=true", {
      method: "PUT",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", "idempotency-key": Bun.randomUUIDv7() },
    });
  expect(await dryRun({ items: [item("d-1", 2), item("d-2", 3)] })).toMatchObject({
    status: 200,
    body: { items: [{ available_count: 5 }], changes: { created: 1, changed: 1, stock_added: 5 } },
  });
  expect((await ask("/catalogue/d-1")).body).toMatchObject({ available_count: 5 });
  expect((await ask("/catalogue/d-2")).status).toBe(404);
});

test("the products of a cart are read at once; unknown ones are missing", async () => {
  await put({ items: ["g-1", "g-2", "g-3"].map((sku) => item(sku)) });
  expect((await ask("/catalogue?skus=g-3,ghost,g-1,g-3")).body).toMatchObject({
    items: [{ sku_id: "g-1" }, { sku_id: "g-3" }],
    next: null,
  });
  expect((await ask("/catalogue?skus=ghost")).body).toEqual({ items: [], next: null });
  const many = (count: number) => Array.from({ length: count }, (_, n) => `g-${n}`).join(",");
  const answers = await Promise.all(
    ["", "g-1,", "g 1", many(51)].map((skus) => ask(`/catalogue?skus=${encodeURIComponent(skus)}`)),
  );
  expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 422]);
  expect((await ask(`/catalogue?skus=${many(50)}`)).body).toMatchObject({ items: [{}, {}, {}] });
});

test("an unchanged answer is not sent again to a client that has its ETag", async () => {
  await put({ items: [item("e-1")] });
  const paths = ["/catalogue/e-1", "/catalogue?skus=e-1", "/catalogue?after=e&limit=1"];
  for (const path of paths) {
    const etag = (await fetch(urlOf(path), { headers: AS_ADA })).headers.get("etag") ?? "";
    expect(etag).toMatch(/^W\/"[0-9a-z]+"$/);
    const ifNew = () => fetch(urlOf(path), { headers: { ...AS_ADA, "if-none-match": etag } });
    const same = await ifNew();
    expect([same.status, await same.text()]).toEqual([304, ""]);
    await put({ items: [item("e-1", 1)] });
    expect((await ifNew()).status).toBe(200);
  }
});

test("a shop that sells in euros takes no other price", async () => {
  const currencies = shopCurrencies("EUR");
  const api = catalogueApi({ access: accessTo("inventory"), database: database.postgres, log, currencies });
  await using euros = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
  const response = await fetch(urlOf("/catalogue", euros), {
    method: "PUT",
    body: JSON.stringify({ items: [item("q-1"), { ...item("q-2"), currency: "USD" }] }),
    headers: { "content-type": "application/json", ...AS_ADA },
  });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    errors: [{ path: "/items/1/currency", message: "this shop does not sell in USD; its currencies: EUR" }],
  });
  expect((await ask("/catalogue/q-1")).status).toBe(404);
});

const huge = { items: Array.from({ length: 1_001 }, (_, i) => item(`h-${i}`)) };

test.each([
  ["an unknown field", { items: [{ ...item("a"), colour: "red" }] }, 422],
  ["a missing field", { items: [{ sku_id: "a" }] }, 422],
  ["a negative count", { items: [item("a", -1)] }, 422],
  ["a fraction of a cent", { items: [item("a", 1, 0.5)] }, 422],
  ["a currency that cannot be charged", { items: [{ ...item("a"), currency: "XTS" }] }, 422],
  [
    "a price with more decimals than cards allow",
    { items: [{ ...item("a", 1, 1_865), currency: "KWD" }] },
    422,
  ],
  ["a name with a NUL character", { items: [{ ...item("a"), name: "a\u0000b" }] }, 422],
  ["a picture that is a script", { items: [{ ...item("a"), picture: "javascript:alert(1)" }] }, 422],
  ["a picture of another host without https", { items: [{ ...item("a"), picture: "//example.com/a" }] }, 422],
  ["a language that is none", { items: [{ ...item("a"), names: { German: "A" } }] }, 422],
  ["a total beside a delivery", { items: [{ ...item("a"), stock_total: 5 }] }, 422],
  ["a duplicate SKU", { items: [item("a"), item("a")] }, 422],
  ["no items", { items: [] }, 422],
  ["too many items", huge, 422],
  ["invalid JSON", "{", 400],
])("rejected with a problem: %s", async (_, body, status) => {
  const answer = await put(body);
  expect(answer).toMatchObject({
    status,
    type: "application/problem+json",
    body: { status, instance: "/catalogue" },
  });
  expect(answer.body).toHaveProperty("title");
  expect((await ask("/catalogue/a")).status).toBe(404);
});

test("a rejection names the field, never its value", async () => {
  const { body } = await put({ items: [{ ...item("a"), currency: "s3cret" }] });
  expect(body).toMatchObject({ errors: [{ path: "/items/0/currency" }] });
  expect(JSON.stringify(body)).not.toContain("s3cret");
});

test("a price that cannot be charged is rejected with its field and the reason", async () => {
  const items = [item("a"), { ...item("b"), currency: "XTS" }, { ...item("c", 1, 1_865), currency: "KWD" }];
  expect((await put({ items })).body).toMatchObject({
    errors: [
      { path: "/items/1/currency", message: expect.stringContaining("XTS is not a supported currency") },
      { path: "/items/2/unit_price_cents", message: expect.stringContaining("multiples of 10 minor units") },
    ],
  });
  expect((await ask("/catalogue/a")).status).toBe(404);
});

test("other invalid requests get a problem, too", async () => {
  const asked = [
    ask("/nothing/here"),
    ask("/catalogue/none"),
    ask("/catalogue/%00"),
    ask("/catalogue?limit=0"),
    ask("/catalogue?limit=1001"),
    ask("/catalogue?limit=1.5"),
    ask("/catalogue?limit=all"),
    ask("/catalogue?colour=red"),
    ask("/catalogue?after=%00"),
    ask("/catalogue?dry_run=perhaps", { method: "PUT" }),
    put({ items: [item("a")] }, { "idempotency-key": "monday" }),
  ];
  const answers = await Promise.all(asked);
  expect(answers.map(({ status }) => status)).toEqual([404, 404, ...Array<number>(9).fill(422)]);
  expect(new Set(answers.map(({ type }) => type))).toEqual(new Set(["application/problem+json"]));
  expect(logged).toEqual([]);
});

test("without its database the API answers 503 with Retry-After", async () => {
  const url = "postgres://nobody@127.0.0.1:9/nothing";
  await using away = openPostgres({
    url,
    poolSize: 2,
    applicationName: "away",
    timeouts: { connectMs: 500 },
  });
  await using without = serve(away);
  const response = await fetch(urlOf("/catalogue", without), { headers: AS_ADA });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(logged.length).toBe(1);
});
