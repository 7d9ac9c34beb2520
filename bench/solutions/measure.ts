// Measures one contestant. First its processes are killed under load and its losses are counted. Then, warm and undisturbed, it gets a
// load on few products: orders per minute, latency and cost.
import { cpuMsByGroup } from "../processes.ts";
import { type Contestant, STAND_INS, STOCK } from "./contestant.ts";
import { countLosses, type Losses } from "./losses.ts";
import { shop } from "./shopping.ts";

/** Products in the run with kills: enough that checkouts do not wait for each other, even if a charge locks a product. */
const COOL_SKUS = 1_000;
const SETTLE_POLL_MS = 500;
/** A count that does not change for this long is final: longer than the lease on a charge whose owner has died. */
const STILL_MS = 45_000;
const MS_PER_MINUTE = 60_000;

export interface MeasureOptions {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly ratePerSecond: number;
  readonly killRatePerSecond: number;
  readonly kills: number;
  readonly hotSkus: number;
}

export interface Measured {
  readonly killed: {
    readonly roles: readonly string[];
    readonly arrivals: number;
    readonly accepted: number;
    readonly losses: Losses;
  };
  readonly speed: Speed;
  /** Null where there is no auditor. */
  readonly isAuditClean: boolean | null;
}

export interface Speed {
  readonly ordersPerMinute: number;
  /** From the intended start until the order is complete, for completed orders. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The share of shoppers with a valid card who left without an answer. */
  readonly leftShare: number;
  /** Per order, for the solution's own processes and servers. */
  readonly cpuMs: number;
  /** Per order, for the stand-ins of provider and mail server. */
  readonly standInCpuMs: number;
}

export async function measure(contestant: Contestant, options: MeasureOptions): Promise<Measured> {
  const run = Date.now().toString(36);
  const skus = (kind: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${kind}-${run}-${index}`);
  const [cool, hot] = [skus("cool", COOL_SKUS), skus("hot", options.hotSkus)];
  await contestant.restock(cool, STOCK);
  await contestant.restock(hot, STOCK);

  const { seconds } = options;
  const [purchases, roles] = await Promise.all([
    shop(contestant, { ratePerSecond: options.killRatePerSecond, seconds, skus: cool }),
    killInTurn(contestant, options.kills, seconds),
  ]);
  const forgotten = await settled(contestant);
  const accepted = purchases.flatMap(({ key, id }) =>
    id === null ? [] : [contestant.checkoutOf(key, id) ?? id],
  );
  const losses = countLosses({ ...(await contestant.records(cool)), accepted });
  const killed = { roles, arrivals: purchases.length, accepted: accepted.length, losses };

  const speed = await measureSpeed(contestant, options, hot, forgotten);
  return { killed, speed, isAuditClean: await contestant.audit() };
}

/** Spreads the kills over the time of the load. Each waits until the killed process before is ready again. */
async function killInTurn(contestant: Contestant, kills: number, seconds: number): Promise<string[]> {
  const { roles } = contestant;
  const startedAt = Date.now();
  const victims = Array.from({ length: kills }, (_, index) => roles[index % roles.length] ?? "");
  for (const [index, victim] of victims.entries()) {
    const due = startedAt + ((index + 1) * seconds * 1_000) / (kills + 1);
    await Bun.sleep(Math.max(0, due - Date.now()));
    await contestant.killAndRestart(victim);
  }
  return victims;
}

async function measureSpeed(
  contestant: Contestant,
  { seconds, warmUpSeconds, ratePerSecond }: MeasureOptions,
  skus: readonly string[],
  forgotten: number,
): Promise<Speed> {
  const processes = await contestant.processes();
  const from = Date.now() + warmUpSeconds * 1_000;
  const until = from + seconds * 1_000;
  const isWithin = (at: number) => at >= from && at < until;
  const shopping = shop(contestant, { ratePerSecond, seconds: warmUpSeconds + seconds, skus });
  await Bun.sleep(from - Date.now());
  const before = cpuMsByGroup(processes);
  await Bun.sleep(until - Date.now());
  const after = cpuMsByGroup(processes);
  const purchases = await shopping;
  // A solution that answers last may still process orders of shoppers who have left. These are not awaited.
  if (!contestant.answersLast) await settled(contestant, forgotten);

  const completions = await contestant.completions();
  const orders = [...completions.values()].filter(isWithin).length;
  const meant = purchases.filter(({ intendedAt, isDeclined }) => isWithin(intendedAt) && !isDeclined);
  const latencies = meant
    .flatMap(({ key, id, intendedAt }) => {
      const completedAt = completions.get(contestant.checkoutOf(key, id) ?? "");
      return completedAt === undefined ? [] : [completedAt - intendedAt];
    })
    .toSorted((a, b) => a - b);
  const cpuOf = (isCounted: (name: string) => boolean) =>
    Array.from(after, ([name, ms]) => (isCounted(name) ? ms - (before.get(name) ?? 0) : 0)).reduce(
      (sum, ms) => sum + ms,
      0,
    ) / Math.max(1, orders);
  return {
    ordersPerMinute: (orders * MS_PER_MINUTE) / (until - from),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    leftShare: meant.filter(({ id }) => id === null).length / Math.max(1, meant.length),
    cpuMs: cpuOf((name) => !STAND_INS.has(name)),
    standInCpuMs: cpuOf((name) => STAND_INS.has(name)),
  };
}

function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

/** Waits until at most `forgotten` checkouts are open, or the count no longer changes. Returns the number of open ones. */
async function settled(contestant: Contestant, forgotten = 0): Promise<number> {
  let open = await contestant.open();
  for (let movedAt = Date.now(); open > forgotten && Date.now() - movedAt < STILL_MS;) {
    await Bun.sleep(SETTLE_POLL_MS);
    const now = await contestant.open();
    if (now !== open) movedAt = Date.now();
    open = now;
  }
  return open;
}
