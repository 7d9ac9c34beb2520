// One run of one scenario on a system: counters before, load with a sampler, drain, counters after, and the ends of the sagas. Returns
// one record.
import { type End, readEnds } from "./ends.ts";
import { latenciesOf, quantile } from "./histograms.ts";
import type { Disturbance } from "./disturbances.ts";
import { type Load, type LoadOptions, runLoad } from "./load.ts";
import type { BrokerWatch } from "./measure/broker-cost.ts";
import { costPerOrder, readCounters } from "./measure/costs.ts";
import {
  type Hop,
  hopsOf,
  MAX_SAGAS,
  readMessages,
  readTransitions,
  type SagaTimes,
} from "./measure/hops.ts";
import { describeMachine } from "./measure/machine.ts";
import { type Sample, Sampler } from "./measure/sampler.ts";
import { memoryByGroup } from "./measure/usage.ts";
import { cpuMsByGroup } from "./processes.ts";
import { type Orders, RECORD_VERSION, type RunRecord, type SecondRow } from "./record.ts";
import type { System } from "./system.ts";

export interface RunOptions {
  readonly scenario: string;
  readonly about: string;
  readonly load: LoadOptions;
  readonly brokers: BrokerWatch;
  readonly command: string;
  readonly commit: string;
  /** Further settings of the run: the provider's latency, the stack's settings. */
  readonly options: RunRecord["options"];
  readonly disturbance?: Disturbance | undefined;
  /** The system gets no requests during the measurement. */
  readonly isIdle?: boolean | undefined;
  readonly memoryOverTime?: boolean | undefined;
}

export async function run(system: System, options: RunOptions): Promise<RunRecord> {
  const { load: loadOptions, isIdle = false } = options;
  const machine = await describeMachine();
  const before = await readCounters(system, options.brokers);
  const cpuBefore = cpuMsByGroup(system.processes);
  const sampler = new Sampler(system, { asks: !isIdle, memory: options.memoryOverTime ?? false });
  const startedAt = new Date().toISOString();
  const { disturbance } = options;
  const load = await runLoad(system, loadOptions, (from, until) => disturbance?.run(system, from, until));
  const samples = sampler.stop();
  const cpuAfter = cpuMsByGroup(system.processes);
  const after = await readCounters(system, options.brokers);
  const ends = await readEnds(system.sagas, load.startedAt);
  const finished = [...ends.values()].filter(({ completedAt }) => completedAt !== undefined).length;
  return {
    version: RECORD_VERSION,
    scenario: options.scenario,
    about: options.about,
    startedAt,
    command: options.command,
    commit: options.commit,
    machine,
    options: { ...options.options, ...flat(loadOptions) },
    orders: ordersOf(load, ends),
    latencies: latenciesOfLoad(load, ends),
    seconds: secondsOf(load, ends, loadOptions.atOnce !== undefined),
    cpuMs: Object.fromEntries(load.cpuMs),
    driverCpuMs: load.driverCpuMs,
    measuredSeconds: (load.until - load.from) / 1_000,
    memory: memoryByGroup(system.processes),
    memoryOverTime: samples.flatMap(({ at, memory }) =>
      memory === undefined ? [] : [{ at: (at - load.from) / 1_000, bytes: memory }],
    ),
    perOrder: {
      ...costPerOrder(before, after, finished),
      cpuMs: Object.fromEntries(
        Array.from(cpuAfter, ([name, ms]) => {
          const used = ms - (cpuBefore.get(name) ?? 0);
          // A process that was restarted meanwhile began at 0.
          return [name, (used < 0 ? ms : used) / Math.max(1, finished)];
        }),
      ),
    },
    queues: queuesOverTime(samples, load.from),
    hops: await readHops(system, load, ends),
    claims: [],
    findings: disturbance?.findings?.(samples, load.until) ?? {},
    isAuditClean: null,
  };
}

/** Exported for tests. */
export function ordersOf(load: Load, ends: ReadonlyMap<string, End>): Orders {
  const { from, until, placed, refusals } = load;
  const seconds = (until - from) / 1_000;
  const done = [...ends.values()].filter(({ completedAt }) => isWithin(load, completedAt));
  const intended = [...placed.values()].filter(({ intendedAt }) => isWithin(load, intendedAt));
  return {
    placed: placed.size,
    placedPerSecond: intended.length / seconds,
    refused: [...refusals.values()].reduce((sum, count) => sum + count, 0),
    refusals: Object.fromEntries(refusals),
    finished: done.length,
    ordersPerSecond: done.length / seconds,
    completed: done.filter(({ status }) => status === "COMPLETED").length,
    compensated: done.filter(({ status }) => status === "COMPENSATED").length,
    unfinished: [...placed.keys()].filter((id) => ends.get(id)?.completedAt === undefined).length,
    doubled: load.doubled,
    readsFailed: load.readsFailed,
  };
}

function latenciesOfLoad(load: Load, ends: ReadonlyMap<string, End>): RunRecord["latencies"] {
  const intended = [...load.placed].filter(([, { intendedAt }]) => isWithin(load, intendedAt));
  if (intended.length === 0) return {};
  const undone = intended.flatMap(([id]) => {
    const { failedAt, completedAt } = ends.get(id) ?? {};
    return failedAt === undefined || completedAt === undefined ? [] : [completedAt - failedAt];
  });
  return {
    accepted: latenciesOf(intended.map(([, { intendedAt, acceptedAt }]) => acceptedAt - intendedAt)),
    finished: latenciesOf(
      intended.flatMap(([id, { intendedAt }]) => finishedAfter(ends.get(id), intendedAt)),
    ),
    ...(undone.length === 0 ? {} : { undone: latenciesOf(undone) }),
    ...(load.reads.length === 0 ? {} : { reads: latenciesOf(load.reads) }),
  };
}

/**
 * Latencies count in the second of the intended start; for checkouts that came at once, in the second of the answer or the end.
 * Exported for tests.
 */
export function secondsOf(
  load: Load,
  ends: ReadonlyMap<string, End>,
  isAtOnce: boolean,
): readonly SecondRow[] {
  const rows = new Map<
    number,
    { placed: number; finished: number; accepted: number[]; latencies: number[] }
  >();
  const rowAt = (at: number) => {
    const second = Math.floor((at - load.from) / 1_000);
    const row = rows.get(second) ?? { placed: 0, finished: 0, accepted: [], latencies: [] };
    rows.set(second, row);
    return row;
  };
  for (const [id, { intendedAt, acceptedAt }] of load.placed) {
    const end = ends.get(id);
    rowAt(intendedAt).placed += 1;
    rowAt(isAtOnce ? acceptedAt : intendedAt).accepted.push(acceptedAt - intendedAt);
    rowAt(isAtOnce ? (end?.completedAt ?? intendedAt) : intendedAt).latencies.push(
      ...finishedAfter(end, intendedAt),
    );
  }
  for (const { completedAt } of ends.values())
    if (completedAt !== undefined) rowAt(completedAt).finished += 1;
  const share = (values: number[], of: number) => {
    const found = quantile(
      values.toSorted((a, b) => a - b),
      of,
    );
    return Number.isNaN(found) ? null : Math.round(found * 10) / 10;
  };
  return [...rows]
    .toSorted(([a], [b]) => a - b)
    .map(([at, { placed, finished, accepted, latencies }]) => ({
      at,
      placed,
      finished,
      acceptedP99: share(accepted, 0.99),
      p50: share(latencies, 0.5),
      p99: share(latencies, 0.99),
      max: share(latencies, 1),
    }));
}

function queuesOverTime(samples: readonly Sample[], from: number): RunRecord["queues"] {
  const names = new Set(samples.flatMap(({ queues }) => Object.keys(queues)));
  return {
    at: samples.map(({ at }) => Math.round((at - from) / 100) / 10),
    depths: Object.fromEntries(
      Array.from(names, (name) => [name, samples.map(({ queues }) => queues[name] ?? 0)]),
    ),
  };
}

/** The hops of checkouts spread evenly over the measured time. Empty if this build's databases lack the timestamps. */
async function readHops(system: System, load: Load, ends: ReadonlyMap<string, End>): Promise<readonly Hop[]> {
  const measured = [...load.placed].filter(([id, { intendedAt }]) => {
    return isWithin(load, intendedAt) && ends.get(id)?.completedAt !== undefined;
  });
  const step = Math.max(1, Math.ceil(measured.length / MAX_SAGAS));
  const chosen = measured.filter((_, index) => index % step === 0);
  if (chosen.length === 0) return [];
  try {
    const ids = chosen.map(([id]) => id);
    const messages = await readMessages(system.databases, ids, load.startedAt);
    const transitions = await readTransitions(system.sagas, ids);
    return hopsOf(
      chosen.flatMap(([id, { intendedAt, acceptedAt }]): SagaTimes[] => {
        const { createdAt, completedAt } = ends.get(id) ?? {};
        if (createdAt === undefined || completedAt === undefined) return [];
        return [
          {
            intendedAt,
            acceptedAt,
            createdAt,
            completedAt,
            messages: messages.get(id) ?? [],
            transitions: transitions.get(id) ?? [],
          },
        ];
      }),
    );
  } catch (error) {
    console.error(`  no hops: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

function finishedAfter(end: End | undefined, intendedAt: number): number[] {
  return end?.completedAt === undefined ? [] : [end.completedAt - intendedAt];
}

/** True if `at` is in the measured time; its end is exclusive. */
function isWithin({ from, until }: Load, at: number | undefined): boolean {
  return at !== undefined && at >= from && at < until;
}

function flat(options: LoadOptions): Record<string, string | number | boolean> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
