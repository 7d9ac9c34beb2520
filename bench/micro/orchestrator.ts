// `TEST_POSTGRES_URL=URL bun bench/micro/orchestrator.ts`: what a transaction of the orchestrator costs by the number of its events: time, and
// CPU of Postgres and of this process for each event. Also two such transactions at the same time. Needs a superuser's URL of a Postgres on this
// machine that does nothing else; it makes a database of its own there and drops it at the end. Results are in docs/performance.md.
import type { Event } from "../../schemas/events.ts";
import { COMPLETING, checkout, TestOrchestrator } from "../../internal/testkit/orchestrator.ts";
import { eventOf } from "../../internal/testkit/events.ts";
import { median } from "../histograms.ts";
import { cpuMsByGroup, processStats } from "../processes.ts";

const SIZES = [100, 500, 1_000, 2_000, 4_000];
/** The number of events that is also handled in two transactions at the same time. */
const TWICE = 2_000;
const ROUNDS = 5;

interface Cost {
  /** Milliseconds. */
  readonly time: number;
  readonly postgres: number;
  readonly own: number;
}

await using orchestrator = await TestOrchestrator.open();
const [backend] = await orchestrator.database.sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
/** The process id of the server: the parent of the one that answers. */
const server = processStats().get(backend?.pid ?? 0)?.parent ?? 0;

async function newSagas(count: number): Promise<readonly string[]> {
  await using intake = orchestrator.intake();
  const started = await Promise.all(Array.from({ length: count }, () => intake.start(checkout())));
  return started.map(({ saga_id }) => saga_id);
}

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const postgres = () => cpuMsByGroup([{ name: "postgres", pid: server }]).get("postgres") ?? 0;
  const before = { own: process.cpuUsage(), postgres: postgres(), at: performance.now() };
  await work();
  const time = performance.now() - before.at;
  const own = process.cpuUsage(before.own);
  return { time, postgres: postgres() - before.postgres, own: (own.user + own.system) / 1_000 };
}

/** The replies that complete the sagas, `transactions` at the same time; the mean cost of one reply for all of them. */
async function complete(sagas: readonly string[], transactions: number): Promise<Cost> {
  const share = sagas.length / transactions;
  const costs: Cost[] = [];
  for (const type of COMPLETING) {
    const parts = Array.from({ length: transactions }, (_, part): readonly Event[] =>
      sagas.slice(part * share, (part + 1) * share).map((saga) => eventOf(type, saga)),
    );
    costs.push(await costOf(() => Promise.all(parts.map((events) => orchestrator.handle(...events)))));
  }
  const mean = (key: keyof Cost) => costs.reduce((sum, cost) => sum + cost[key], 0) / costs.length;
  return { time: mean("time"), postgres: mean("postgres"), own: mean("own") };
}

async function measure(size: number, transactions: number) {
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    costs.push(await complete(await newSagas(size * transactions), transactions));
  const middle = (key: keyof Cost) => median(costs.map((cost) => cost[key]));
  const micros = (ms: number) => Number(((1_000 * ms) / size / transactions).toFixed(1));
  return {
    "events in a transaction": size,
    "at the same time": transactions,
    "time, ms": Number(middle("time").toFixed(1)),
    "Postgres CPU, us an event": micros(middle("postgres")),
    "own CPU, us an event": micros(middle("own")),
  };
}

await measure(TWICE, 1); // Compiles the code and fills the tables; not shown.
const rows = [];
for (const size of SIZES) rows.push(await measure(size, 1));
rows.push(await measure(TWICE, 2));
console.table(rows);
