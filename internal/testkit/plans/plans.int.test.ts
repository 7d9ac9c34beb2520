// The rows a role's statement reads do not grow with the tables, and the cost of a batch does not grow with its square, for any
// statistics: on a new database, on one analysed while empty, and after a bulk load, analysed or not.
import { expect, test } from "bun:test";
import { DATABASES, MIGRATED_DATABASES, type MigratedDatabase } from "../../../schemas/migrations.ts";
import { measureBacklog as measureIntake } from "../../orchestrator/intake-store.ts";
import { readOpenSagas, readStatuses } from "../../orchestrator/status-store.ts";
import { measureBacklog } from "../../messaging/relay-store.ts";
import { claimDue } from "../../messaging/retry-store.ts";
import { findPayments } from "../../services/payment/lookup-store.ts";
import { cloneDatabase, type TestDatabase } from "../database.ts";
import { Simulation } from "../simulation/simulation.ts";
import { faultsOf, type PlanNode, rowsRead } from "./judge.ts";
import { load } from "./load.ts";
import { statementsIn, statementsOfRoles } from "./statements.ts";
import { PlanWatch } from "./watch.ts";

/** These statements read all waiting rows on purpose. */
const READS_WHAT_WAITS: Readonly<Record<string, string>> = {
  "internal/orchestrator/store.ts: openTableVersions": "saga_state_deadline",
  "internal/orchestrator/rebuild-store.ts: openSagaIds": "saga_state_deadline",
  "internal/orchestrator/stuck-store.ts: findStuck": "saga_state_deadline",
  "internal/orchestrator/stuck-store.ts: countNeedy": "order_cancellations_due",
  "internal/orchestrator/stuck-store.ts: findNeedyCancellations": "order_cancellations_due",
  "internal/services/payment/store.ts: lockBacklog": "payments_due",
  "internal/services/payment/store.ts: countBacklog": "payments_due",
  "internal/services/payment/unknown-store.ts: oldestUnknown": "payments_due",
  "internal/services/payment/unknown-store.ts: oldestHeld": "payments_held",
  "internal/services/payment/alert-store.ts: unseenAlerts": "payment_alerts_open",
  "internal/services/payment/alert-store.ts: countOpenAlerts": "payment_alerts_open",
};
const UNDEFINED_TABLE = "42P01";
const LATER_MS = 4 * 60_000;

const statements = await statementsOfRoles();

test("all statements are found in the source", () => {
  expect(statements.length).toBeGreaterThan(60);
  const source = [
    "const columns = (tx: Tx) => tx`a, b`;",
    "export function find(tx: Tx, ids: readonly string[]) {",
    "  return tx<{ a: string; b: string }[]>`",
    "    select ${columns(tx)} from t where a = any(${[...ids]}::text[])",
    "       and b = ${`${ids.length} or ${1}`}`;",
    "}",
  ].join("\n");
  const name = "x.ts: find";
  expect(statementsIn("x.ts", source)).toEqual([
    { name, text: "select a, b from t where a = any($1::text[]) and b = $2" },
  ]);
  const chosen = source.replace("  return tx", "  const cols = ids.length > 1 ? tx`a` : tx`b`;\n  return tx");
  expect(statementsIn("x.ts", chosen.replace("columns(tx)", "cols")).map(({ text }) => text)).toEqual([
    "select a from t where a = any($1::text[]) and b = $2",
    "select b from t where a = any($1::text[]) and b = $2",
  ]);
  expect(() => statementsIn("x.ts", source.replace("columns(tx)", "tx`a`"))).toThrow("cannot follow");
});

test("every statement of a role reads by key, for any statistics", async () => {
  const planned = new Set<string>();
  const faults: string[] = [];
  const judge = async (state: string, name: MigratedDatabase, database: TestDatabase) => {
    const partialIndexes = await partialIndexesOf(database);
    for (const statement of statements) {
      // The notification database has none of the shared tables.
      if (name === "notification" && !statement.name.includes("/notification/")) continue;
      const plan = await planOf(database, statement.text);
      if (plan === undefined) continue;
      planned.add(statement.name);
      const waiting = `reads all of the index ${READS_WHAT_WAITS[statement.name]}`;
      for (const fault of faultsOf(plan, { partialIndexes }))
        if (fault !== waiting) faults.push(`${state} ${name} database: ${statement.name} ${fault}`);
    }
  };
  for (const name of MIGRATED_DATABASES) {
    await using database = await cloneDatabase(name);
    await judge("new", name, database);
    await load(database.sql, name, { dueAt: Date.now() + LATER_MS, unpublished: true });
    await judge("loaded", name, database);
    await database.sql`analyze`;
    await judge("loaded and analysed", name, database);
    await using empty = await cloneDatabase(name);
    await empty.sql`analyze`;
    await judge("analysed and empty", name, empty);
  }
  expect(faults).toEqual([]);
  expect(statements.map((statement) => statement.name).filter((name) => !planned.has(name))).toEqual([]);
});

/** Far more rows than a batch of the simulation, far fewer than the load. */
const MAX_ROWS = 750;

test("connections opened on a new database read no more rows after a bulk load", async () => {
  const watch = new PlanWatch();
  await using simulation = await Simulation.open(1, watch.clone);
  const { databases } = simulation;
  const read = async () => {
    // Statements that the simulation does not run.
    await findPayments(databases.payment.postgres.sql, {
      sagas: [Bun.randomUUIDv7()],
      charges: ["pi"],
      refunds: ["re"],
    });
    await readStatuses(databases.saga.postgres.sql, [Bun.randomUUIDv7()]);
    await readOpenSagas(databases.saga.postgres.sql, Bun.randomUUIDv7());
    await measureIntake(databases.saga.postgres.sql, { openSagas: 100, unpublished: 100 });
    await measureBacklog(databases.saga.postgres.sql, 100);
    await claimDue(databases.order.postgres.sql, simulation.now, 1, 100);
  };
  // given plans cached while the database was empty
  await simulation.wave(5, 80);
  for (let time = 0; time < 10; time += 1) await read();
  const dueAt = simulation.now + LATER_MS;
  await Promise.all(DATABASES.map((name) => load(databases[name].sql, name, { dueAt, unpublished: false })));
  // when
  watch.plans = [];
  await simulation.wave(15, 150);
  await read();
  // then
  const texts = new Map(statements.map(({ name, text }) => [text, name]));
  const heard = watch.plans.flatMap(({ text, plan }) => {
    const name = texts.get(text);
    return name === undefined ? [] : [{ name, rows: rowsRead(plan) }];
  });
  expect(new Set(heard.map(({ name }) => name)).size).toBeGreaterThan(25);
  expect(heard.filter(({ rows }) => rows > MAX_ROWS)).toEqual([]);
});

async function partialIndexesOf({ sql }: TestDatabase): Promise<ReadonlySet<string>> {
  const rows = await sql<{ name: string }[]>`
    select indexrelid::regclass::text as name from pg_index where indpred is not null`;
  return new Set(rows.map(({ name }) => name));
}

/** The generic plan, as a role's connection caches it; undefined if the database lacks the tables. */
async function planOf({ postgres }: TestDatabase, text: string): Promise<PlanNode | undefined> {
  try {
    const [row] = await postgres.sql.unsafe<[{ "QUERY PLAN": readonly [{ readonly Plan: PlanNode }] }]>(
      `explain (generic_plan, format json) ${text}`,
    );
    return row["QUERY PLAN"][0].Plan;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === UNDEFINED_TABLE) return undefined;
    throw new Error(`cannot plan: ${text}`, { cause: error });
  }
}
