// The search against real databases: random sagas and random criteria, compared with a filter in memory.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";
import { between, seeded } from "../kernel/random.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import {
  expectedIds,
  type FoundSagaRow,
  randomQuery,
  randomSaga,
  writeSagas,
} from "../testkit/found-sagas.ts";
import type { OpenDatabases } from "./reach.ts";
import { formatSagaQuery, type SagaQuery } from "./saga-query.ts";
import { MAX_PRODUCTS, searchSagas, type SearchLimits } from "./saga-search.ts";

const NOW = Date.parse("2026-11-23T12:00:00.000Z");
const SAGAS = 400;
const QUERIES = 300;
const SPAN_MS = 48 * 60 * 60_000;

let fixture: ConsistentFixture;
let rows: readonly FoundSagaRow[];
let databases: OpenDatabases;
beforeAll(async () => {
  fixture = await ConsistentFixture.open();
  const random = seeded(7);
  const users = Array.from({ length: 20 }, () => crypto.randomUUID());
  rows = Array.from({ length: SAGAS }, () => randomSaga(random, NOW - between(random, 1, SPAN_MS), users));
  await writeSagas(fixture.databases, rows);
  const { saga, inventory, payment, order } = fixture.asConsole;
  databases = { saga: () => saga, inventory: () => inventory, payment: () => payment, order: () => order };
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** All pages; fails if one repeats a saga or never ends. */
async function allIds(query: SagaQuery, limit: number): Promise<readonly string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await searchSagas(databases, query, { limit, after, now: NOW });
    expect(page.missing).toEqual([]);
    expect(page.sagas.length).toBeLessThanOrEqual(limit);
    if (after === undefined)
      expect(page.total).toEqual({ count: expectedIds(rows, query, NOW).length, at_least: false });
    else expect(page.total).toBeNull();
    ids.push(...page.sagas.map(({ saga_id }) => saga_id));
    expect(ids.length).toBeLessThanOrEqual(SAGAS);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return ids;
}

test("finds what a filter in memory finds, in the same order, page by page", async () => {
  const random = seeded(11);
  let hits = 0;
  for (let time = 0; time < QUERIES; time += 1) {
    const query = randomQuery(random, rows);
    const expected = expectedIds(rows, query, NOW);
    const found = await allIds(query, between(random, 1, 200));
    expect({ query: formatSagaQuery(query).toString(), found }).toEqual({
      query: formatSagaQuery(query).toString(),
      found: [...expected],
    });
    if (expected.length > 0 && expected.length < SAGAS) hits += 1;
  }
  // The comparison is worth something only if most queries select some, and not all.
  expect(hits).toBeGreaterThan(QUERIES / 3);
});

test("pages that end at a depth go on from there, say how far they looked, and miss nothing", async () => {
  const random = seeded(13);
  const limits: SearchLimits = {
    count: 30,
    walk: 25,
    failed: 15,
    ofUser: 10,
    ofSku: 20,
    ofProducts: 40,
    few: 3,
  };
  let shortPages = 0;
  for (let time = 0; time < QUERIES / 3; time += 1) {
    const query = randomQuery(random, rows);
    const expected = expectedIds(rows, query, NOW);
    const limit = between(random, 1, 40);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await searchSagas(databases, query, { limit, after, now: NOW }, limits);
      if (after === undefined) {
        const { count = -1, at_least } = page.total ?? {};
        expect(at_least === true ? count <= expected.length : count === expected.length).toBe(true);
        expect(count).toBeLessThanOrEqual(limits.count);
      }
      found.push(...page.sagas.map(({ saga_id }) => saga_id));
      const { searched_to, next } = page;
      if (searched_to !== null) {
        shortPages += 1;
        expect(page.sagas.length).toBeLessThanOrEqual(limit);
        // What is newer than this was found by now, if it matches.
        const newer = new Set(
          rows.filter(({ created_at }) => created_at > searched_to).map(({ saga_id }) => saga_id),
        );
        expect(expected.filter((id) => newer.has(id) && !found.includes(id))).toEqual([]);
        expect(next).not.toBeNull();
      }
      after = next ?? undefined;
    } while (after !== undefined);
    expect({ query: formatSagaQuery(query).toString(), found }).toEqual({
      query: formatSagaQuery(query).toString(),
      found: [...expected],
    });
  }
  expect(shortPages).toBeGreaterThan(QUERIES / 3);
});

test("a database that does not answer is named, and only if the query needs it", async () => {
  const refused = () =>
    Promise.reject(new AppError("DATABASE_UNAVAILABLE", "the database does not answer at x"));
  const page = { limit: 10, now: NOW };
  const of = (away: readonly DatabaseName[], query: SagaQuery) =>
    searchSagas({ ...databases, ...Object.fromEntries(away.map((name) => [name, refused])) }, query, page);
  const nothing = { sagas: [], next: null, total: null, searched_to: null, products: null };
  const reason = "the database does not answer at x";
  const [first] = rows;
  if (first === undefined) throw new Error("there are no sagas");
  const { payment_id: payment, user_id: user } = first;
  expect(await of(["inventory"], { sku: "tea", currency: "EUR" })).toEqual({
    ...nothing,
    missing: [{ database: "inventory", reason }],
  });
  expect(await of(["inventory"], { product: "tea", user })).toEqual({
    ...nothing,
    missing: [{ database: "inventory", reason }],
  });
  expect(await of(["payment", "inventory"], { payment, refund: payment, sku: "tea" })).toEqual({
    ...nothing,
    missing: [{ database: "payment", reason }],
  });
  const away: readonly DatabaseName[] = ["inventory", "payment", "order"];
  expect((await of(away, { user })).missing).toEqual([]);
  expect((await of(away, { user })).sagas.length).toBeGreaterThan(0);
  await expect(of(["saga"], { user })).rejects.toThrow(reason);
});

test("says which products it took a name for, in any language, and looks for none of them if they are too many", async () => {
  const of = (product: string, more: SagaQuery = {}) =>
    searchSagas(databases, { ...more, product }, { limit: 1, now: NOW });
  const tea = { sku_id: "tea", name: "tea, the thing", also_called: null };
  const pot = { sku_id: "pot", name: "pot, the thing", also_called: "Kännchen" };
  expect((await of("THING tea")).products).toEqual({ found: [tea], too_many: false });
  expect((await of("tea")).products).toEqual({ found: [tea], too_many: false });
  expect((await of("kÄnnch")).products).toEqual({ found: [pot], too_many: false });
  // Nothing in a name is a pattern.
  const nobody = { found: [], too_many: false };
  for (const text of ["t.a", "%", "[a-z]", "kettle", "tea Tee"]) {
    const { products, sagas, total, missing } = await of(text);
    expect([text, products, sagas, total, missing]).toEqual([
      text,
      nobody,
      [],
      { count: 0, at_least: false },
      [],
    ]);
  }
  const sql = fixture.databases.inventory;
  await sql`insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
    select 'cup-' || n, 'Cup ' || n, 1, 'EUR', 9, 9 from generate_series(1, ${MAX_PRODUCTS + 1}) n`;
  const { products, ...page } = await of("cup");
  expect([products?.too_many, products?.found.length]).toEqual([true, MAX_PRODUCTS]);
  expect(page).toEqual({ sagas: [], next: null, total: null, searched_to: null, missing: [] });
  await sql`insert into products (sku_id, names) values ('cup-7', '{"en": "Cup \\"7\\" a\\\\b"}')`;
  expect((await of('"7" A\\b')).products?.found).toEqual([
    { sku_id: "cup-7", name: "Cup 7", also_called: 'Cup "7" a\\b' },
  ]);
  expect((await of("cup 21")).products?.found.map(({ sku_id }) => sku_id)).toEqual(["cup-21"]);
});

test("a found saga has its times, cart and totals", async () => {
  const row = rows.find(({ status }) => status === "COMPENSATING");
  if (row === undefined) throw new Error("no saga is compensating");
  const { sagas } = await searchSagas(databases, { payment: row.payment_id }, { limit: 2, now: NOW });
  expect(sagas).toEqual([
    expect.objectContaining({
      saga_id: row.saga_id,
      user_id: row.user_id,
      status: "COMPENSATING",
      compensation_step: row.compensation_step,
      total_cents: row.total_cents,
      currency: row.currency,
      resend_count: row.resend_count,
      created_at: row.created_at,
      updated_at: row.updated_at,
      completed_at: null,
      items: [{ sku_id: "tea", quantity: 1 }],
    }),
  ]);
});
