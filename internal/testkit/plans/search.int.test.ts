// No search of operators reads more rows than its limits, however many finished sagas there are, with statistics and without. The
// statements of internal/operations are not in plans.int.test.ts, because others of them may read whole tables. Only on connections as operators' tools
// have them: the summarizing indexes are read by bitmaps, which a role's connection has switched off, and no role searches.
import { expect, test } from "bun:test";
import type { Sql } from "postgres";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import type { OpenDatabases } from "../../operations/reach.ts";
import { formatSagaQuery, type SagaQuery } from "../../operations/saga-query.ts";
import { searchSagas, type SearchLimits } from "../../operations/saga-search.ts";
import { findAnything } from "../../operations/find-anything.ts";
import { shortId } from "../../operations/short-id.ts";
import { shoppersOf, shoppersWithEmail } from "../../operations/shopper-store.ts";
import { rowsRead } from "./judge.ts";
import { IDLE, load, WAITING } from "./load.ts";
import { PlanWatch } from "./watch.ts";

const LIMITS: SearchLimits = {
  count: 60,
  walk: 100,
  failed: 100,
  ofUser: 100,
  ofSku: 100,
  ofProducts: 200,
  few: 20,
};
/** A depth, or all sagas in progress where only they can match, or some page ranges of a summarizing index. */
const MAX_ROWS = WAITING + 500;
const LATER_MS = 4 * 60_000;

const id = Bun.randomUUIDv7();
// Without `product`, which reads the names of the whole catalogue; the sagas of what it finds are read as those of a SKU.
const QUERIES: readonly SagaQuery[] = [
  {},
  { user: id },
  { sku: "load-7" },
  { order: id },
  { payment: id },
  { refund: id },
  { reservation: id },
  { provider_id: "load_7" },
  { client_key: "7" },
  { client_key: "none" },
  { status: ["COMPLETED"] },
  { status: ["STARTED"] },
  { status: ["COMPENSATED"] },
  { failure_code: "CARD_DECLINED" },
  { step: "charge" },
  { table_version: 2 },
  { table_version: 1, status: ["STARTED"] },
  { currency: "EUR" },
  { currency: "KWD" },
  { min_cents: 2 },
  { updated_after: Date.now() + LATER_MS },
  { stuck_seconds: 300 },
  { needs_operator: true },
  { min_resends: 1 },
];

test("a search reads no more rows than its limits", async () => {
  expect(IDLE + WAITING).toBeGreaterThan(3 * MAX_ROWS);
  const watch = new PlanWatch();
  await using saga = await watch.clone("saga");
  await using inventory = await watch.clone("inventory");
  await using payment = await watch.clone("payment");
  await using order = await watch.clone("order");
  await using fresh = {
    saga: watch.openFresh(saga),
    inventory: watch.openFresh(inventory),
    payment: watch.openFresh(payment),
    order: watch.openFresh(order),
    async [Symbol.asyncDispose]() {
      for (const one of [this.saga, this.inventory, this.payment, this.order])
        await one[Symbol.asyncDispose]();
    },
  };
  const databases = openedBy(fresh);
  const faults: string[] = [];
  const search = async (state: string) => {
    const within = async (what: string, work: () => Promise<unknown>) => {
      watch.plans = [];
      await work();
      expect(watch.plans.length).toBeGreaterThan(0);
      for (const { text, plan } of watch.plans)
        if (rowsRead(plan) > MAX_ROWS) faults.push(`${state}, ${what}: ${rowsRead(plan)} rows by ${text}`);
    };
    for (const query of QUERIES)
      await within(formatSagaQuery(query).toString(), () =>
        searchSagas(databases, query, { limit: 10, now: Date.now() }, LIMITS),
      );
    await within("e-mail", async () => shoppersWithEmail(await databases.saga(), "none@example.com"));
    await within("short id", () => findAnything(databases, shortId(id)));
    await within("shoppers", async () => shoppersOf(await databases.saga(), [id]));
  };
  const dueAt = Date.now() + LATER_MS;
  await load(saga.sql, "saga", { dueAt, unpublished: false });
  await load(inventory.sql, "inventory", { dueAt, unpublished: false });
  await load(payment.sql, "payment", { dueAt, unpublished: false });
  await load(order.sql, "order", { dueAt, unpublished: false });
  // The summaries, as autovacuum makes them.
  for (const { sql } of [saga, inventory, payment, order]) await sql`vacuum`;
  await search("no statistics");
  for (const { sql } of [saga, inventory, payment, order]) await sql`analyze`;
  await search("analysed");
  expect(faults).toEqual([]);
});

type Clones = Readonly<Record<DatabaseName, { readonly sql: Sql }>>;

function openedBy({ saga, inventory, payment, order }: Clones): OpenDatabases {
  return {
    saga: () => saga.sql,
    inventory: () => inventory.sql,
    payment: () => payment.sql,
    order: () => order.sql,
  };
}
