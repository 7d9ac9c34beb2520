// What running stacks cost while nobody uses them: CPU, wake-ups and memory of each process, and the threads that cause them.
// Not part of `bun run bench`: it looks at stacks that already run, several at the same time, so that the same minute judges both.
//
//   bun bench/idle-stacks.ts STACK_DIRECTORY... [--seconds 30] [--rounds 3] [--threads 20]
import { parseArgs } from "node:util";
import postgres from "postgres";
import { memoryByGroup, numberIn, read, threadsOf } from "./measure/usage.ts";
import { byPart, partOf } from "./parts.ts";
import { membersByGroup, processStats, type ProcessGroup } from "./processes.ts";
import { stackCommand } from "./system.ts";

const { values, positionals: directories } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "30" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "0" },
  },
});
const seconds = Number(values.seconds);

interface Stack {
  readonly directory: string;
  readonly groups: readonly ProcessGroup[];
  /** By name, URLs. */
  readonly databases: Readonly<Record<string, string>>;
}

/** Since its start. */
interface ThreadUse {
  readonly group: string;
  readonly name: string;
  readonly cpuMs: number;
  /** How often it waited, and so how often it was woken. */
  readonly wakes: number;
}

async function stackIn(directory: string): Promise<Stack> {
  const status: {
    readonly servers: readonly ProcessGroup[];
    readonly roles: readonly ProcessGroup[];
    readonly addresses: { readonly postgres: Readonly<Record<string, string>> };
  } = JSON.parse(await stackCommand(["status", "--json", "--data-dir", directory]));
  return {
    directory,
    groups: [...status.servers, ...status.roles].map(({ name, pid }) => ({ name, pid })),
    databases: status.addresses.postgres,
  };
}

/** By thread, with the nanoseconds that the scheduler counts: a thread that wakes for a moment is invisible in ticks. */
function usesOf(groups: readonly ProcessGroup[]): Map<string, ThreadUse> {
  const threads = new Map<string, ThreadUse>();
  const processes = processStats();
  for (const [group, pids] of membersByGroup(groups, processes))
    for (const pid of pids) {
      for (const thread of threadsOf(pid)) {
        const task = `/proc/${pid}/task/${thread}`;
        const [nanoseconds] = read(`${task}/schedstat`).split(" ");
        const wakes = numberIn(read(`${task}/status`), "voluntary_ctxt_switches");
        const name = read(`${task}/comm`).trim();
        threads.set(thread, { group, name, cpuMs: Number(nanoseconds) / 1e6, wakes });
      }
      // For example of Postgres's autovacuum. In ticks of 10 ms.
      const cpuMs = processes.get(pid)?.endedChildrenMs ?? 0;
      if (cpuMs > 0) threads.set(`${pid} ended`, { group, name: "children that ended", cpuMs, wakes: 0 });
    }
  return threads;
}

/** Committed and aborted transactions of each database since its start. */
async function transactionsOf({ databases }: Stack): Promise<Readonly<Record<string, number>>> {
  const counts = Object.entries(databases).map(async ([name, url]) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const [found] = await sql<{ count: string }[]>`
      select sum(xact_commit + xact_rollback) as count from pg_stat_database where datname = current_database()`;
    await sql.end();
    return [`postgres-${name}`, Number(found?.count)] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

/** The use between two readings. What a thread used that ended in between is lost, unless its process ended too. */
function between(before: ReadonlyMap<string, ThreadUse>, after: ReadonlyMap<string, ThreadUse>): ThreadUse[] {
  return [...after].flatMap(([thread, { cpuMs, wakes, ...rest }]) => {
    const first = before.get(thread);
    return [{ ...rest, cpuMs: cpuMs - (first?.cpuMs ?? 0), wakes: wakes - (first?.wakes ?? 0) }];
  });
}

/** Sums of a figure by a key, for each second. */
function perSecond(
  uses: readonly ThreadUse[],
  keyOf: (use: ThreadUse) => string,
  valueOf: (use: ThreadUse) => number,
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const use of uses) sums[keyOf(use)] = (sums[keyOf(use)] ?? 0) + valueOf(use) / seconds;
  return sums;
}

function print(
  { directory, groups }: Stack,
  uses: readonly ThreadUse[],
  transactions: Readonly<Record<string, number>>,
): void {
  const memory = new Map(byPart(memoryByGroup(groups)));
  const cpu = byPart(perSecond(uses, partName, cpuPercent));
  const wakes = new Map(byPart(perSecond(uses, partName, wakesOf)));
  const total = (figures: Iterable<number>) => [...figures].reduce((sum, one) => sum + one, 0);
  const mebi = (bytes = 0) => (bytes / 2 ** 20).toFixed(1).padStart(7);
  const all = total(cpu.map(([, percent]) => percent)).toFixed(2);
  console.log(
    `${directory}: ${all} % of a core, ${total(wakes.values()).toFixed(0)} wake-ups a second,${mebi(total(memory.values()))} MiB`,
  );
  for (const [name, percent] of cpu) {
    const count = transactions[name];
    const rate = count === undefined ? "" : `  ${(count / seconds).toFixed(1)} transactions/s`;
    console.log(`${row(name, percent, wakes.get(name))} ${mebi(memory.get(name))} MiB${rate}`);
  }
  const threads = Number(values.threads);
  if (threads === 0) return;
  const threadWakes = perSecond(uses, threadName, wakesOf);
  const busiest = Object.entries(perSecond(uses, threadName, cpuPercent)).toSorted(([, a], [, b]) => b - a);
  for (const [name, percent] of busiest.slice(0, threads))
    console.log(`  ${row(name, percent, threadWakes[name])}`);
}

const partName = ({ group }: ThreadUse) => partOf(group);
const threadName = ({ group, name }: ThreadUse) => `${group} ${name}`;
const cpuPercent = ({ cpuMs }: ThreadUse) => cpuMs / 10;
const wakesOf = (use: ThreadUse) => use.wakes;

function row(name: string, percent: number, wakes = 0): string {
  return `  ${name.padEnd(40)} ${percent.toFixed(3).padStart(6)} % ${wakes.toFixed(1).padStart(6)}/s`;
}

const stacks = await Promise.all(directories.map(stackIn));
for (let round = 1; round <= Number(values.rounds); round += 1) {
  const transactionsBefore = await Promise.all(stacks.map(transactionsOf));
  // The connections for that have ended by then.
  await Bun.sleep(2_000);
  const before = stacks.map(({ groups }) => usesOf(groups));
  await Bun.sleep(seconds * 1_000);
  const after = stacks.map(({ groups }) => usesOf(groups));
  const transactionsAfter = await Promise.all(stacks.map(transactionsOf));
  for (const [index, stack] of stacks.entries()) {
    const uses = between(before[index] ?? new Map(), after[index] ?? new Map());
    const begun = transactionsBefore[index] ?? {};
    const ended = Object.entries(transactionsAfter[index] ?? {});
    print(stack, uses, Object.fromEntries(ended.map(([name, count]) => [name, count - (begun[name] ?? 0)])));
  }
}
