// `bun run history --rows N`: measures whether years of business slow a checkout. On its own Postgres it runs checkouts in new
// databases, fills them with N old rows each, runs checkouts again with the old plans and statistics, and once more after
// `analyze`. It prints the cost of a checkout for each run, by statement.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import postgres from "postgres";
import { parseOptions, wrong } from "../../../bench/arguments.ts";
import { cpuMsByGroup } from "../../../bench/processes.ts";
import { DATABASES } from "../../../schemas/migrations.ts";
import { type Managed, start } from "../../stack/managed.ts";
import { leasePorts } from "../../stack/ports.ts";
import { postgresData, postgresServer } from "../../stack/servers/postgres.ts";
import { statementsOfRoles } from "../plans/statements.ts";
import { PlanWatch } from "../plans/watch.ts";
import { Simulation } from "../simulation/simulation.ts";
import { fill } from "./fill.ts";
import { type Cost, costsOf, NOTHING, sumOf, trade } from "./measure.ts";

const MAX_ROWS = 100_000_000;
/** Waves with every plan recorded. */
const WAVES = 2;
/** Waves without recording, because recording would use most of the CPU. */
const CPU_WAVES = 3;
/** Statements below this share of all pages and of all time appear only in the sum. */
const SHOWN_SHARE = 0.02;

const HELP = `Usage: bun run history [options]

  --rows N       old rows in inbox, outbox and history of the saga database; a fifth of them in all other tables (1000000)
  --json FILE    writes the figures to FILE

Uses about 1.5 GB of disk in ${tmpdir()} for a million rows, and frees it. Exits 0 after measuring, 2 on wrong arguments.`;

const { values } = parseOptions("history", {
  options: {
    rows: { type: "string", default: "1000000" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}
const rows = Number(values.rows);
if (!Number.isInteger(rows) || rows < 1 || rows > MAX_ROWS)
  wrong("history", `--rows takes a whole number from 1 to ${MAX_ROWS}, not ${values.rows}`);

/** The cost of a checkout in one state of the databases. */
interface Measured {
  readonly state: string;
  readonly statements: ReadonlyMap<string, Cost>;
  /** CPU of all server processes, per checkout, without plan recording. */
  readonly cpuMs: number;
}

await using held = new AsyncDisposableStack();
const directory = mkdtempSync(join(tmpdir(), "history-"));
held.defer(() => rmSync(directory, { recursive: true, force: true }));
const server = await startPostgres();
process.env["TEST_POSTGRES_URL"] = server.address;
const admin = postgres(server.address, { max: 1, onnotice: () => undefined });
held.defer(() => admin.end());
// Durability does not matter here, and the filling is not measured.
await setting("fsync", "off");
await setting("autovacuum", "off");
await setting("max_wal_size", "16GB");

const names = new Map((await statementsOfRoles()).map(({ name, text }) => [text, name]));
const watch = new PlanWatch({ isSwitched: true });
const simulation = held.use(await Simulation.open(1, watch.clone));
await trade(simulation, WAVES);
const measured = [await measure("new")];

const begun = performance.now();
await Promise.all([
  filled("saga"),
  (async () => {
    for (const database of DATABASES) if (database !== "saga") await filled(database);
  })(),
]);
await admin`checkpoint`;
const [{ bytes } = { bytes: 0 }] = await admin<
  { bytes: number }[]
>`select sum(pg_database_size(datname))::float8 as bytes from pg_database`;
console.log(`filled in ${seconds(begun)} s; ${(bytes / 1e9).toFixed(1)} GB on disk`);
measured.push(await measure("filled, with the plans and statistics of before"));
for (const database of DATABASES) await unhurried(database, (sql) => sql`analyze`);
// This run replaces every cached plan, using the new statistics.
await trade(simulation, 1);
measured.push(await measure("filled and analysed"));
print();
if (values.json !== undefined)
  await Bun.write(
    values.json,
    JSON.stringify(
      {
        rows,
        bytes,
        measured: measured.map((one) => ({ ...one, statements: Object.fromEntries(one.statements) })),
      },
      null,
      2,
    ),
  );

async function startPostgres(): Promise<Managed> {
  const ports = leasePorts(directory);
  held.defer(() => ports.release());
  const dataDirectory = join(directory, "data");
  const managed = await start(
    postgresServer({
      name: "postgres",
      database: "history",
      port: ports.next(),
      dataDirectory,
      logFile: join(directory, "postgres.log"),
    }),
  );
  held.defer(async () => {
    await managed.stop();
    rmSync(postgresData(dataDirectory), { recursive: true, force: true });
  });
  return managed;
}

async function setting(name: string, value: string): Promise<void> {
  await admin.unsafe(`alter system set ${name} = '${value}'`);
  await admin`select pg_reload_conf()`;
}

async function filled(database: (typeof DATABASES)[number]): Promise<void> {
  await unhurried(database, (sql) =>
    fill(sql, database, rows, ({ table, rows: count }) =>
      console.log(`  ${table.padEnd(24)} ${count.toLocaleString("en").padStart(12)} rows`),
    ),
  );
}

/** Uses its own connection, without the timeouts of a role. */
async function unhurried(
  database: (typeof DATABASES)[number],
  work: (sql: postgres.Sql) => PromiseLike<unknown>,
): Promise<void> {
  const sql = postgres(simulation.databases[database].url, { max: 1, onnotice: () => undefined });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}

async function measure(state: string): Promise<Measured> {
  const group = [{ name: "postgres", pid: server.pid }];
  const cpu = () => cpuMsByGroup(group).get("postgres") ?? 0;
  const before = cpu();
  const unheard = await trade(simulation, CPU_WAVES);
  const cpuMs = (cpu() - before) / unheard;
  await setting("auto_explain.log_min_duration", "0");
  watch.plans = [];
  const heard = await trade(simulation, WAVES);
  const statements = costsOf(watch.plans, names, heard);
  await setting("auto_explain.log_min_duration", "-1");
  console.log(`measured: ${state}`);
  return { state, statements, cpuMs };
}

function print(): void {
  const sums = measured.map(({ statements }) => sumOf(statements));
  const isShown = (name: string) =>
    measured.some(({ statements }, index) => {
      const { pages, ms } = statements.get(name) ?? NOTHING;
      const all = sums[index] ?? NOTHING;
      return pages > SHOWN_SHARE * all.pages || ms > SHOWN_SHARE * all.ms;
    });
  const table = new Table({
    head: ["per checkout", ...["pages", "ms"].flatMap((what) => [`${what}: a`, "b", "c", "b/a", "c/a"])],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", ...Array.from({ length: 10 }, () => "right" as const)],
  });
  const row = (name: string, costs: readonly Cost[]) =>
    table.push([
      name,
      ...ratios(
        costs.map(({ pages }) => pages),
        1,
      ),
      ...ratios(
        costs.map(({ ms }) => ms),
        3,
      ),
    ]);
  for (const name of new Set([...names.values()].filter(isShown)))
    row(
      name.replace(/^internal\/(?:services\/)?/, ""),
      measured.map(({ statements }) => statements.get(name) ?? NOTHING),
    );
  row("all statements", sums);
  table.push([
    "CPU of Postgres",
    ...Array.from({ length: 5 }, () => ""),
    ...ratios(
      measured.map(({ cpuMs }) => cpuMs),
      3,
    ),
  ]);
  console.log(`\n${rows.toLocaleString("en")} old rows`);
  for (const [index, { state }] of measured.entries()) console.log(`  ${"abc"[index]}: ${state}`);
  console.log(table.toString());
}

/** The three figures, then the last two as multiples of the first. */
function ratios([first = 0, ...later]: readonly number[], digits: number): string[] {
  return [
    ...[first, ...later].map((value) => value.toFixed(digits)),
    ...later.map((value) => (first === 0 ? "-" : (value / first).toFixed(2))),
  ];
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(0);
}
