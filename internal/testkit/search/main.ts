// `bun run bench:search`: how long the searches of operators take among a million sagas, and what their indexes cost a saga's writes. On its
// own Postgres, which is removed afterwards. Exits 1 if a search takes longer than its limit.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import postgres, { type Sql } from "postgres";
import { parseOptions, wrong } from "../../../bench/arguments.ts";
import { cpuMsByGroup } from "../../../bench/processes.ts";
import { DATABASES, type DatabaseName, migrations } from "../../../schemas/migrations.ts";
import type { OpenDatabases } from "../../operations/reach.ts";
import { searchSagas } from "../../operations/saga-search.ts";
import { migrate } from "../../platform/migrate.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { type Managed, start } from "../../stack/managed.ts";
import { leasePorts } from "../../stack/ports.ts";
import { postgresData, postgresServer } from "../../stack/servers/postgres.ts";
import { DAYS, fill, idFunction } from "./fill.ts";
import { type Kind, kindsOf } from "./searches.ts";
import { dropIndexes, WRITE_ID, type WriteCost, writeSagas } from "./writes.ts";

const LIMIT_MS = 300;
const PAGE = 50;
const MAX_ROWS = 10_000_000;

const HELP = `Usage: bun run bench:search [options]

  --rows N     sagas (1000000); 0 leaves the searches out
  --times N    searches of each kind with a warm cache (20)
  --pairs N    runs of writes with and without the indexes (4); 0 leaves them out
  --json FILE  writes the figures to FILE

Uses about 2.5 GB of disk in ${tmpdir()} for a million sagas, and frees it. Exits 1 if a search took longer than ${LIMIT_MS} ms.`;

const { values } = parseOptions("bench:search", {
  options: {
    rows: { type: "string", default: "1000000" },
    times: { type: "string", default: "20" },
    pairs: { type: "string", default: "4" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}
const rows = whole("rows", values.rows, 0);
const times = whole("times", values.times, 1);
const pairs = whole("pairs", values.pairs, 0);

interface Timed {
  readonly name: string;
  readonly hits: string;
  /** Null where it was not measured. */
  readonly cold: number | null;
  /** Of Postgres, per warm search: what a busy machine does not change. */
  readonly cpuMs: number;
  /** Sorted. */
  readonly warm: readonly number[];
}

await using held = new AsyncDisposableStack();
const directory = mkdtempSync(join(tmpdir(), "search-"));
held.defer(() => rmSync(directory, { recursive: true, force: true }));
const ports = leasePorts(directory);
held.defer(() => ports.release());
const definition = postgresServer({
  name: "postgres",
  database: "search",
  port: ports.next(),
  dataDirectory: join(directory, "data"),
  logFile: join(directory, "postgres.log"),
});
let server: Managed = await start(definition);
held.defer(async () => {
  await server.stop();
  rmSync(postgresData(join(directory, "data")), { recursive: true, force: true });
});

const epoch = Date.now() - DAYS * 86_400_000;
await withAdmin("search", async (admin) => {
  // Durability does not matter here, and WAL would double the disk.
  for (const setting of ["fsync = 'off'", "max_wal_size = '256MB'", "full_page_writes = 'off'"])
    await admin.unsafe(`alter system set ${setting}`);
  await admin`select pg_reload_conf()`;
});
for (const name of DATABASES) await create(name, name);

const writes = pairs === 0 ? null : await measureWrites();
if (writes !== null) printWrites(writes);
const searches = rows === 0 ? null : await fillAndSearch();
if (values.json !== undefined)
  await Bun.write(values.json, JSON.stringify({ rows, searches, writes }, null, 2));
const slow = (searches?.measured ?? []).flatMap(({ state, timed }) =>
  timed
    .filter(({ cold, warm }) => Math.max(cold ?? 0, ...warm) > LIMIT_MS)
    .map(({ name }) => `${name} (${state})`),
);
for (const name of slow) console.log(`slower than ${LIMIT_MS} ms: ${name}`);
process.exitCode = slow.length > 0 ? 1 : 0;

async function fillAndSearch() {
  const begun = performance.now();
  for (const name of DATABASES)
    await withAdmin(name, async (sql) => {
      await sql.unsafe(idFunction(epoch, rows));
      await fill(sql, name, rows);
      // As autovacuum does.
      await sql`vacuum`;
    });
  const bytes = await withAdmin("search", async (sql) => {
    await sql`checkpoint`;
    const [row] = await sql<
      [{ bytes: number }]
    >`select sum(pg_database_size(datname))::float8 as bytes from pg_database`;
    return row.bytes;
  });
  const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
  console.log(`${rows.toLocaleString("en")} sagas filled in ${seconds} s, ${(bytes / 1e9).toFixed(1)} GB`);
  const kinds = await withAdmin("saga", (sql) =>
    kindsOf(
      async (expression) => (await sql.unsafe<[{ id: string }]>(`select ${expression} as id`))[0].id,
      epoch,
      rows,
    ),
  );
  const unknown = await measureSearches(kinds, { state: "no statistics", isCold: false });
  for (const name of DATABASES) await withAdmin(name, (sql) => sql`analyze`);
  const analysed = await measureSearches(kinds, { state: "analysed", isCold: true });
  return { bytes, measured: [unknown, analysed] };
}

/** `isCold`: the server is restarted before each kind. */
async function measureSearches(
  kinds: readonly Kind[],
  { state, isCold }: { readonly state: string; readonly isCold: boolean },
) {
  const timed: Timed[] = [];
  for (const kind of kinds) {
    if (isCold) {
      await server.stop();
      server = await start(definition);
    }
    const { cold, ...one } = await measureKind(kind);
    timed.push({ ...one, cold: isCold ? cold : null });
  }
  const table = new Table({
    head: [`${state}, ms`, "found", "cold", "p50", "p99", "worst", "CPU"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, hits, cold, warm, cpuMs } of timed)
    table.push([
      name,
      hits,
      ...[cold, at(warm, 0.5), at(warm, 0.99), at(warm, 1), cpuMs].map((ms) =>
        ms === null ? "-" : ms.toFixed(1),
      ),
    ]);
  console.log(table.toString());
  return { state, timed };
}

/** Cold: the server was just started, and the connections are open. The pages may be in the memory of the operating system. */
async function measureKind({ name, query, isDeep }: Kind): Promise<Timed & { readonly cold: number }> {
  await using opened = new AsyncDisposableStack();
  const connect = async (database: DatabaseName): Promise<Sql> => {
    const one = opened.use(
      openPostgres({ url: addressOf(database), poolSize: 2, applicationName: "search", plans: "fresh" }),
    );
    await one.ready();
    return one.sql;
  };
  const [saga, inventory, payment, order] = await Promise.all(DATABASES.map(connect));
  if (saga === undefined || inventory === undefined || payment === undefined || order === undefined)
    throw new Error("a database is missing");
  const databases: OpenDatabases = {
    saga: () => saga,
    inventory: () => inventory,
    payment: () => payment,
    order: () => order,
  };
  const after = isDeep === true ? await middle() : undefined;
  const once = async () => {
    const from = performance.now();
    const page = await searchSagas(databases, query, { limit: PAGE, after, now: Date.now() });
    const ms = performance.now() - from;
    const { total, searched_to } = page;
    const count = total === null ? String(page.sagas.length) : `${total.count}${total.at_least ? "+" : ""}`;
    return { ms, hits: searched_to === null ? count : `${count} so far` };
  };
  const first = await once();
  const warm: number[] = [];
  const cpuBefore = serverCpuMs();
  for (let time = 0; time < times; time += 1) warm.push((await once()).ms);
  const cpuMs = (serverCpuMs() - cpuBefore) / times;
  return { name, hits: first.hits, cold: first.ms, cpuMs, warm: warm.toSorted((one, other) => one - other) };
}

function middle(): Promise<string> {
  return withAdmin("saga", async (sql) => {
    const [row] = await sql<[{ id: string }]>`select id_of('saga', ${Math.floor(rows / 2)}) as id`;
    return row.id;
  });
}

async function measureWrites() {
  const sides = {
    with: ["with_saga", "with_inventory"],
    without: ["without_saga", "without_inventory"],
  } as const;
  await using opened = new AsyncDisposableStack();
  const open = (database: string) => {
    const sql = postgres(addressOf(database), { max: 1, onnotice: () => undefined });
    opened.defer(() => sql.end());
    return sql;
  };
  const prepared = async (side: keyof typeof sides) => {
    const [sagaName, inventoryName] = sides[side];
    await create("saga", sagaName);
    await create("inventory", inventoryName);
    const [saga, inventory] = [open(sagaName), open(inventoryName)];
    await saga.unsafe(WRITE_ID);
    await inventory.unsafe(WRITE_ID);
    await inventory`insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
      select 'sku-' || n, 'x', 1, 'EUR', 1, 1 from generate_series(0, 999) n`;
    if (side === "without") await dropIndexes(saga, inventory);
    return { saga, inventory };
  };
  const [having, without] = [await prepared("with"), await prepared("without")];
  const costs: WriteCosts = { without: [], with: [], worst: [] };
  const ways = ["without", "with", "worst"] as const;
  // The first run of each warms up.
  for (let run = 0; run <= pairs; run += 1)
    for (const way of run % 2 === 0 ? ways : ways.toReversed()) {
      const summarized = way === "worst" ? "before" : "after";
      const number = 2 * run + (way === "worst" ? 1 : 0);
      const cost = await writeSagas(
        { ...(way === "without" ? without : having), summarized, cpu: serverCpuMs },
        number,
      );
      if (run > 0) costs[way].push(cost);
    }
  await opened.disposeAsync();
  for (const name of Object.values(sides).flat())
    await withAdmin("search", (sql) => sql`drop database ${sql(name)} with (force)`);
  return costs;
}

type Way = "without" | "with" | "worst";
type WriteCosts = Record<Way, WriteCost[]>;

function printWrites(costs: WriteCosts): void {
  const median = (side: Way, of: (cost: WriteCost) => number) =>
    at(
      costs[side].map(of).toSorted((one, other) => one - other),
      0.5,
    );
  const table = new Table({
    head: ["per saga, median", "without", "with", "ratio", "summarized at once", "ratio"],
    style: { head: [], border: [], compact: true },
  });
  const measures: readonly [string, (cost: WriteCost) => number][] = [
    ["CPU of Postgres, ms", ({ cpuMs }) => cpuMs],
    ["time, ms", ({ ms }) => ms],
    ["WAL, bytes", ({ walBytes }) => walBytes],
    ["HOT share of updates", ({ hotShare }) => hotShare],
  ];
  for (const [name, of] of measures) {
    const [without, having, worst] = [median("without", of), median("with", of), median("worst", of)];
    const ratio = (value: number) => (value / without).toFixed(3);
    table.push([
      name,
      without.toPrecision(4),
      having.toPrecision(4),
      ratio(having),
      worst.toPrecision(4),
      ratio(worst),
    ]);
  }
  console.log(table.toString());
}

function serverCpuMs(): number {
  return cpuMsByGroup([{ name: "postgres", pid: server.pid }]).get("postgres") ?? 0;
}

async function create(owner: DatabaseName, name: string): Promise<void> {
  await withAdmin("search", (admin) => admin`create database ${admin(name)}`);
  await withAdmin(name, (sql) => migrate(sql, migrations[owner], owner));
}

async function withAdmin<T>(database: string, work: (sql: Sql) => PromiseLike<T>): Promise<T> {
  const sql = postgres(addressOf(database), { max: 1, onnotice: () => undefined });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

function addressOf(database: string): string {
  const url = new URL(server.address);
  url.pathname = `/${database}`;
  return url.href;
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > MAX_ROWS)
    wrong("bench:search", `--${name} takes a whole number from ${least} to ${MAX_ROWS}, not ${text}`);
  return value;
}
