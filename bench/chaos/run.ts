// One chaos run: its own stack with a proxy in every link, shoppers who never stop, and one fault after the other, each with time for the
// recovery. Then everything is healed, the work drains, and the auditor checks the result. Called by main.ts.
import { existsSync, mkdirSync } from "node:fs";
import { readMovements } from "../ledger.ts";
import { commandOf } from "../processes.ts";
import { openSystem, stackCommand, type System, wipe } from "../system.ts";
import { ACTION_DEADLINE_MS } from "./bank-visit.ts";
import { BLOCKED_COUNTRY } from "./cases.ts";
import type { Provider } from "./providers.ts";
import { Clocks, clocksLack } from "./clocks.ts";
import { endsOf, providersOf, uncheckedOf } from "./ends.ts";
import { type Arena, inject } from "./faults.ts";
import { Links } from "./links.ts";
import { seeded } from "../../internal/kernel/random.ts";
import { moneyOf } from "./money.ts";
import { recoveryMs } from "./recovery.ts";
import { type ChaosReport, faultReports, type Injection, kindReports, slowestOf } from "./report.ts";
import { type KindName, type PlannedFault, planFaults, type Replicas } from "./schedule.ts";
import { fillShelves, SHOP_CURRENCIES } from "./shelves.ts";
import { Shopping } from "./shopping.ts";
import { disksLack, SmallDisk, unmountLeftover } from "./small-disk.ts";
import { Target } from "./target.ts";

const LATENCY = "uniform:50-200";
/** Time before the first fault, so that the effects of a cold start are not taken for those of a fault. */
const WARM_UP_MS = 15_000;
const RECOVERY_TIMEOUT_MS = 90_000;
const RECOVERY_POLL_MS = 250;
/** How soon the second fault of a pair follows the first. */
const PAIR_GAP_MS = 1_500;
const IDLE_WITHIN = "120s";

export interface ChaosOptions {
  readonly faults: number;
  readonly orders: number;
  readonly seed: number;
  readonly ratePerSecond: number;
  readonly directory: string;
  /** Leaves the stack running for inspection. */
  readonly keep: boolean;
  readonly only: readonly KindName[];
  readonly replicas: Replicas;
  /** Their checkouts have the money held first (table 2 of the saga). */
  readonly authorizeFirst: readonly Provider[];
  readonly report: (line: string) => void;
  /** If it aborts, the run takes down everything that it started, and then calls `stopped`. */
  readonly signal: AbortSignal;
  readonly stopped: () => void;
}

/** Throws if the run cannot begin or is interrupted. It first takes down what it started, unless `keep` is set. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, directory, report } = options;
  const leftOut = kindsLeftOut();
  const schedule = planFaults(options.faults, seed, new Set(leftOut.keys()), options.only, options.replicas);
  await clearAway(directory);
  mkdirSync(directory, { recursive: true });

  const begun = Date.now();
  await using held = new AsyncDisposableStack();
  const target = new Target(directory);
  const links = held.use(await Links.open(target));
  const clocks = new Clocks(`${directory}/clocks`);
  const up = upArguments(options, schedule.standbys, links, clocks);
  // The products are on the shelves, not among the system's own.
  const system = await openSystem({ stack: undefined, directory, skus: 1, latency: LATENCY, up });
  let disk: SmallDisk | undefined;
  let isKept = options.keep;
  const takeDown = async () => {
    if (isKept) return;
    await target.stopSupervising();
    await system.sagas.end();
    await stackCommand(["down", "--data-dir", directory]);
    await disk?.[Symbol.asyncDispose]();
    await wipe(directory);
  };
  held.defer(takeDown);
  options.signal.throwIfAborted();
  options.signal.addEventListener("abort", () => void takeDown().then(options.stopped, options.stopped));
  if (!leftOut.has("disk full")) disk = await SmallDisk.under(target, schedule.smallDisk);
  const shelves = await fillShelves(system, seed);
  report(
    `up; seed ${seed}; ${schedule.faults.length} faults; ${schedule.smallDisk} on a small disk; ${holdersText(options.authorizeFirst)}`,
  );

  const arena: Arena = { system, target, links, clocks, disk };
  const journal = `${directory}/journal.jsonl`;
  const { ratePerSecond } = options;
  const shopping = new Shopping({ system, random: seeded(seed + 1), ratePerSecond, shelves, journal });
  const injections = await attack(arena, shopping, schedule.faults, options);
  const { authorizeFirst } = options;
  const result = await judge({ seed, authorizeFirst, begun, leftOut, arena, shopping, journal, injections });
  isKept ||= !result.ok;
  if (isKept) {
    const down = `bun run stack down --data-dir ${directory}`;
    const unmount = disk === undefined ? "" : `umount ${directory}/${schedule.smallDisk} && `;
    report(`the stack keeps running; remove it with: ${down} && ${unmount}${down} --wipe`);
  }
  return result;
}

/** The kinds of fault that this machine cannot inject, each with what is missing. */
function kindsLeftOut(): ReadonlyMap<KindName, string> {
  const leftOut = new Map<KindName, string>();
  if (clocksLack !== null) leftOut.set("clock jump", clocksLack);
  if (disksLack !== null) leftOut.set("disk full", disksLack);
  return leftOut;
}

function holdersText(authorizeFirst: readonly Provider[]): string {
  return authorizeFirst.length === 0
    ? "no money is held first"
    : `held first: the money of ${authorizeFirst.join(" and ")}`;
}

/** The arguments of `stack up`. */
function upArguments(
  { replicas, authorizeFirst }: Pick<ChaosOptions, "replicas" | "authorizeFirst">,
  standbys: readonly string[],
  links: Links,
  clocks: Clocks,
): readonly string[] {
  return [
    "--brokers",
    "3",
    "--set",
    `order.ORDER_BLOCKED_COUNTRIES=${BLOCKED_COUNTRY}`,
    "--set",
    `orchestrator.ACTION_DEADLINE_MS=${ACTION_DEADLINE_MS}`,
    ...(authorizeFirst.length === 0
      ? []
      : ["--set", `orchestrator.AUTHORIZE_FIRST=${authorizeFirst.join(",")}`]),
    ...["gateway", "inventory"].flatMap((role) => [
      "--set",
      `${role}.SHOP_CURRENCIES=${SHOP_CURRENCIES.join(",")}`,
    ]),
    // A fault delays the provider for at most 30 s; the simulator's search has no lag.
    "--set",
    "payment.CHARGE_EXECUTION_MS=60000",
    "--set",
    "payment.SEARCH_LAG_MS=1000",
    ...Object.entries(replicas).flatMap(([role, count]) => ["--replicas", `${role}=${count}`]),
    ...(standbys.length === 0
      ? []
      : ["--standby", standbys.map((server) => server.replace("postgres-", "")).join(",")]),
    ...links.stackArguments,
    ...clocks.stackArguments,
  ];
}

/** Injects all faults, and lets the shoppers go on until they have enough orders. Resolves when the work has drained. */
async function attack(
  arena: Arena,
  shopping: Shopping,
  faults: readonly PlannedFault[],
  { orders, report }: ChaosOptions,
): Promise<readonly Injection[]> {
  arena.target.supervise();
  await Bun.sleep(WARM_UP_MS);
  const injections = await new Nemesis(arena, shopping, report).go(faults);
  report(`all faults are over; ${shopping.checkouts.length} checkouts so far`);
  while (shopping.checkouts.length < orders) await Bun.sleep(RECOVERY_POLL_MS);
  await shopping.finish();
  await arena.target.stopSupervising();
  report("drained; auditing");
  return injections;
}

/** A run whose work has drained. */
interface DrainedRun {
  readonly seed: number;
  readonly authorizeFirst: readonly Provider[];
  /** Epoch ms. */
  readonly begun: number;
  readonly leftOut: ReadonlyMap<KindName, string>;
  readonly arena: Arena;
  readonly shopping: Shopping;
  /** The file in which the shoppers recorded what they were promised. */
  readonly journal: string;
  readonly injections: readonly Injection[];
}

/** Checks with the shoppers, the saga database and the auditor. */
async function judge(run: DrainedRun): Promise<ChaosReport> {
  const { seed, authorizeFirst, begun, leftOut, shopping, journal, injections } = run;
  const { system, target } = run.arena;
  const accepted = shopping.checkouts.filter(({ sagaId }) => sagaId !== undefined);
  const isClean = await system.audit("--journal", journal, "--expect-idle", IDLE_WITHIN);
  // After the audit, which waits until nothing moves.
  const money = moneyOf(accepted, await readMovements(system.addresses.paysim));
  const changed = await changedSince(system, shopping);
  const violations = [...shopping.violations, ...changed, ...money.violations];

  const notTerminal = accepted.filter(({ restAt }) => restAt === undefined).length;
  return {
    seed,
    seconds: (Date.now() - begun) / 1_000,
    faults: injections.length,
    sagas: accepted.length,
    by_end: endsOf(accepted),
    by_currency: money.byCurrency,
    authorize_first: authorizeFirst,
    by_provider: providersOf(accepted),
    banks_not_checked: uncheckedOf(accepted),
    slowest: slowestOf(accepted),
    not_accepted: shopping.checkouts.length - accepted.length,
    not_terminal: notTerminal,
    kinds: kindReports(injections, shopping.checkouts),
    injections: faultReports(injections, shopping.checkouts),
    ended_by_themselves: Object.fromEntries(target.unexpected),
    left_out: Object.fromEntries(leftOut),
    violations,
    audit_clean: isClean,
    ok: isClean && violations.length === 0 && notTerminal === 0,
  };
}

/** Removes what an earlier run left; throws if it still runs. */
async function clearAway(directory: string): Promise<void> {
  if (!existsSync(`${directory}/state.json`)) return;
  const { supervisor_pid: supervisor } = new Target(directory).state();
  if (commandOf(supervisor).includes("supervisor.ts"))
    throw new Error(`a stack still runs in ${directory}: bun run stack down --wipe --data-dir ${directory}`);
  await unmountLeftover(directory);
  await wipe(directory);
}

/** Sagas whose final status differs from the one that their shopper saw. */
async function changedSince({ sagas }: System, { checkouts }: Shopping): Promise<string[]> {
  const rows = await sagas<{ saga_id: string; status: string }[]>`select saga_id, status from saga_state`;
  const statuses = new Map(rows.map(({ saga_id, status }) => [saga_id, status]));
  return checkouts.flatMap(({ sagaId, status, restAt }) => {
    if (sagaId === undefined || restAt === undefined) return [];
    const now = statuses.get(sagaId);
    return now === status ? [] : [`saga ${sagaId} had finished as ${status} and is now ${now ?? "gone"}`];
  });
}

/** Injects the planned faults one after the other, alone or in pairs. */
class Nemesis {
  readonly #arena: Arena;
  readonly #shopping: Shopping;
  readonly #report: (line: string) => void;

  constructor(arena: Arena, shopping: Shopping, report: (line: string) => void) {
    this.#arena = arena;
    this.#shopping = shopping;
    this.#report = report;
  }

  async go(faults: readonly PlannedFault[]): Promise<Injection[]> {
    const done: Injection[] = [];
    for (let index = 0; index < faults.length;) {
      const first = faults[index];
      if (first === undefined) break;
      const second = first.overlapsNext ? faults[index + 1] : undefined;
      const together = second === undefined ? [first] : [first, second];
      const isPair = together.length > 1;
      const times = await Promise.all(together.map((fault, order) => this.#one(fault, order * PAIR_GAP_MS)));
      const healedAt = Math.max(...times.map((time) => time.healedAt));
      const recovery = await this.#recovered(healedAt);
      const leftAt = Date.now();
      for (const [order, fault] of together.entries()) {
        const time = times[order] ?? { injectedAt: healedAt, healedAt };
        done.push({ fault, ...time, healedAt: isPair ? healedAt : time.healedAt, leftAt, isPair });
      }
      index += together.length;
      const what = together.map(({ kind, target }) => `${kind} (${target})`).join(" with ");
      this.#report(
        `${String(index).padStart(3)}/${faults.length} ${what}: ${recovery === null ? "NOT recovered" : `recovered ${(recovery / 1_000).toFixed(1)} s after its end`}; ${this.#shopping.openCount} open`,
      );
    }
    return done;
  }

  async #one(fault: PlannedFault, delayMs: number): Promise<{ injectedAt: number; healedAt: number }> {
    await Bun.sleep(delayMs);
    const injectedAt = Date.now();
    const heal = await inject(this.#arena, fault);
    await Bun.sleep(fault.holdMs);
    await heal();
    return { injectedAt, healedAt: Date.now() };
  }

  /** Waits until checkouts flow normally again; null if they do not. */
  async #recovered(from: number): Promise<number | null> {
    const deadline = Date.now() + RECOVERY_TIMEOUT_MS;
    for (;;) {
      const judged = this.#shopping.checkouts.filter(
        ({ isSlow, intendedAt }) => !isSlow && intendedAt >= from,
      );
      const recovery = recoveryMs(judged, from, Date.now());
      if (recovery !== null || Date.now() > deadline) return recovery;
      await Bun.sleep(RECOVERY_POLL_MS);
    }
  }
}
