// Pure: what an order costs, from measured figures: CPU and memory of processes, sizes of databases and messages, orders in a window.
// Prices come from whoever asks; without one there are only amounts. Called by `checkoutctl cost`.
import type { CostReport } from "../../schemas/cost.ts";

export interface CostFacts {
  readonly windowSeconds: number;
  /** Completed in the window. */
  readonly orders: number;
  /** `cpuSeconds`: spent in the window; null if the process did not answer at both ends, or restarted. */
  readonly processes: readonly {
    readonly name: string;
    readonly cpuSeconds: number | null;
    readonly memoryBytes: number | null;
  }[];
  readonly databases: readonly { readonly database: string; readonly bytes: number }[];
  readonly checkoutsKept: { readonly count: number; readonly isEstimate: boolean };
  /** Null if Kafka was not asked. `bytes`: mean of key, value and headers. */
  readonly messages: { readonly inWindow: number; readonly bytes: number; readonly copies: number } | null;
  readonly retentionDays: number;
  readonly notMeasured: readonly string[];
}

/** In any currency. */
export interface Prices {
  readonly cpuHour?: number | undefined;
  readonly memoryGibHour?: number | undefined;
  readonly gibMonth?: number | undefined;
}

const GIB = 2 ** 30;
/** 365 days of 24 hours, divided by 12. */
const HOURS_PER_MONTH = 730;
const MINUTES_PER_MONTH = HOURS_PER_MONTH * 60;
const EXTRAPOLATED_TO = 10_000;
/** An empty database has some MiB; below this number of checkouts they are most of its size. */
const FEW_CHECKOUTS = 10_000;

export function costOf(facts: CostFacts, prices: Prices): CostReport {
  const { windowSeconds, orders, processes, databases, checkoutsKept, messages } = facts;
  const perOrder = (amount: number | null) => (amount === null || orders === 0 ? null : amount / orders);
  const cpu = processes.map(({ cpuSeconds }) => cpuSeconds);
  const allCpu = cpu.includes(null) || cpu.length === 0 ? null : sum(cpu.map((seconds) => seconds ?? 0));
  const databaseBytes = sum(databases.map(({ bytes }) => bytes));
  const memory = processes.map(({ memoryBytes }) => memoryBytes);
  const memory_bytes =
    memory.includes(null) || memory.length === 0 ? null : sum(memory.map((bytes) => bytes ?? 0));
  const figures = {
    cpuMs: perOrder(allCpu === null ? null : allCpu * 1_000),
    databaseBytes: checkoutsKept.count < FEW_CHECKOUTS ? null : databaseBytes / checkoutsKept.count,
    kafkaBytes: messages === null ? null : perOrder(messages.inWindow * messages.bytes * messages.copies),
    memoryBytes: memory_bytes,
    retentionDays: facts.retentionDays,
  };
  const measured = (orders * 60) / windowSeconds;
  return {
    window_seconds: windowSeconds,
    orders,
    processes: processes.map(({ name, cpuSeconds, memoryBytes }) => ({
      name,
      cpu_ms_per_order: perOrder(cpuSeconds === null ? null : cpuSeconds * 1_000),
      cores: cpuSeconds === null ? null : cpuSeconds / windowSeconds,
      memory_bytes: memoryBytes,
    })),
    cpu_ms_per_order: figures.cpuMs,
    memory_bytes,
    databases: databases.map((one) => ({ ...one })),
    checkouts_kept: checkoutsKept.count,
    checkouts_are_estimated: checkoutsKept.isEstimate,
    database_bytes_per_checkout: figures.databaseBytes,
    messages_per_order: messages === null ? null : perOrder(messages.inWindow),
    kafka_bytes_per_order: figures.kafkaBytes,
    at_rate: [
      ...(orders === 0 ? [] : [atRate(measured, false, figures, prices)]),
      atRate(EXTRAPOLATED_TO, true, figures, prices),
    ],
    not_measured: [...facts.notMeasured],
  };
}

interface Figures {
  readonly cpuMs: number | null;
  readonly databaseBytes: number | null;
  readonly kafkaBytes: number | null;
  readonly memoryBytes: number | null;
  readonly retentionDays: number;
}

/** Linear in the rate; memory stays as it is. */
function atRate(
  ordersPerMinute: number,
  is_extrapolated: boolean,
  { cpuMs, databaseBytes, kafkaBytes, memoryBytes, retentionDays }: Figures,
  { cpuHour, memoryGibHour, gibMonth }: Prices,
): CostReport["at_rate"][number] {
  const cores = cpuMs === null ? null : (cpuMs * ordersPerMinute) / 60_000;
  const database =
    databaseBytes === null ? null : (databaseBytes * ordersPerMinute * MINUTES_PER_MONTH) / GIB;
  const kafka = kafkaBytes === null ? null : (kafkaBytes * ordersPerMinute * 60 * 24 * retentionDays) / GIB;
  const storage = database === null || kafka === null ? null : database + kafka;
  const parts = [
    ...(cpuHour === undefined ? [] : [cores === null ? null : cores * HOURS_PER_MONTH * cpuHour]),
    ...(memoryGibHour === undefined
      ? []
      : [memoryBytes === null ? null : (memoryBytes / GIB) * HOURS_PER_MONTH * memoryGibHour]),
    ...(gibMonth === undefined ? [] : [storage === null ? null : storage * gibMonth]),
  ];
  const price = parts.length === 0 || parts.includes(null) ? null : sum(parts.map((part) => part ?? 0));
  return {
    orders_per_minute: ordersPerMinute,
    is_extrapolated,
    cores,
    database_gib_per_month: database,
    kafka_gib: kafka,
    price_per_month: price,
    price_per_order: price === null ? null : price / (ordersPerMinute * MINUTES_PER_MONTH),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
