// The record of one run: a JSON file with everything that a report or a comparison needs, so that every figure has its machine, commit
// and command. Created by run.ts, read by report/ and compare.ts.
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Latencies } from "./histograms.ts";
import type { BrokerCounters } from "./measure/broker-cost.ts";
import type { Hop } from "./measure/hops.ts";
import type { Machine } from "./measure/machine.ts";
import type { PostgresCounters } from "./measure/postgres-cost.ts";

export const RECORD_VERSION = 2;
const DEFAULT_DIRECTORY = join(import.meta.dir, "../.bench");

export interface RunRecord {
  readonly version: typeof RECORD_VERSION;
  readonly scenario: string;
  readonly about: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly command: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly orders: Orders;
  /** In ms: from the intended start to the 202 and to the end of the saga; duration of the compensation; reads. Only those that apply. */
  readonly latencies: Readonly<Partial<Record<"accepted" | "finished" | "undone" | "reads", Latencies>>>;
  readonly seconds: readonly SecondRow[];
  /** CPU in the measured time, in ms by process; the driver separately. Divide by the finished orders for the cost per order. */
  readonly cpuMs: Readonly<Record<string, number>>;
  readonly driverCpuMs: number;
  readonly measuredSeconds: number;
  /** Bytes (PSS) by process, idle after the run; and over time if requested. */
  readonly memory: Readonly<Record<string, number>>;
  readonly memoryOverTime: readonly {
    readonly at: number;
    readonly bytes: Readonly<Record<string, number>>;
  }[];
  /** Cost per order over the whole run, including ramp-up and drain. */
  readonly perOrder: PerOrder;
  /** `depths` by name, one value per entry of `at`, in seconds since the start of the measurement. */
  readonly queues: {
    readonly at: readonly number[];
    readonly depths: Readonly<Record<string, readonly number[]>>;
  };
  readonly hops: readonly Hop[];
  readonly claims: readonly ClaimResult[];
  /** Additional results of a scenario, for people: name and text. */
  readonly findings: Readonly<Record<string, string>>;
  /** Null if there was no audit. */
  readonly isAuditClean: boolean | null;
}

export interface Orders {
  readonly placed: number;
  /** Placed checkouts per second with an intended start in the measured time; at most the requested rate. */
  readonly placedPerSecond: number;
  readonly refused: number;
  readonly refusals: Readonly<Record<string, number>>;
  /** Sagas that finished within the measured time, and per second of it. */
  readonly finished: number;
  readonly ordersPerSecond: number;
  readonly completed: number;
  readonly compensated: number;
  readonly unfinished: number;
  readonly doubled: number;
  readonly readsFailed: number;
}

/** One second of the run, from the start of the measurement. Latencies in ms, of checkouts with an intended start in it (run.ts). */
export interface SecondRow {
  readonly at: number;
  readonly placed: number;
  readonly finished: number;
  readonly acceptedP99: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

export interface PerOrder {
  readonly orders: number;
  readonly postgres: Readonly<Record<string, PostgresCounters>>;
  readonly kafka: BrokerCounters;
  /** By process, in ms. Also correct if orders were half done at the start or end of the measured time. */
  readonly cpuMs: Readonly<Record<string, number>>;
  /** By process. */
  readonly writtenBytes: Readonly<Record<string, number>>;
  readonly voluntarySwitches: Readonly<Record<string, number>>;
  readonly involuntarySwitches: Readonly<Record<string, number>>;
}

export interface ClaimResult {
  readonly claim: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** The default file of a run, in `.bench/`, which git ignores. */
export function defaultFile({ scenario, startedAt, commit }: RunRecord): string {
  const at = startedAt.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  return join(DEFAULT_DIRECTORY, `${at}-${scenario}-${commit}.json`);
}

/** One run is an object, several are a list. */
export async function writeRuns(file: string, runs: readonly RunRecord[]): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const [only] = runs;
  await Bun.write(file, `${JSON.stringify(runs.length === 1 ? only : runs, null, 1)}\n`);
}

/** Throws an error with the file name if the file is not a run of this version. */
export function readRuns(file: string): readonly RunRecord[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} is not JSON`, { cause: error });
  }
  const runs = Array.isArray(content) ? content : [content];
  if (!runs.every(isRun)) throw new Error(`${file} is not a benchmark run of version ${RECORD_VERSION}`);
  return runs;
}

function isRun(value: unknown): value is RunRecord {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    value.version === RECORD_VERSION &&
    "scenario" in value
  );
}
