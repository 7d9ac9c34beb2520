// Checks the promises of the system against a run: one result per claim. Pure. The scenarios and headline.ts select the claims.
import { byPart } from "./parts.ts";
import { median } from "./histograms.ts";
import type { RunRecord, ClaimResult } from "./record.ts";

export const FINISH_P99_MS = 3_000;
const ACCEPTED_P99_MS = 50;
/** The share of the rate that must be held, because arrivals are whole numbers. */
const HELD_SHARE = 0.99;
/** The p99 limit of compensation, from the moment the saga has failed. */
const UNDO_P99_MS = 500;
const FLASH_SALE_MS = 3_000;
const COLD_P50_MS = 1_000;
const IDLE_CORE_SHARE = 0.04;
const IDLE_BYTES = 1.6 * 2 ** 30;
const SOAK_SETTLED_SECONDS = 300;
const SOAK_GROWTH = 0.1;
/** The minimum of a backlog's ten-second windows, relative to their median. */
const FLAT_SHARE = 0.85;
const WINDOW_SECONDS = 10;
const EVENTS_PER_SECOND = 500;

export function heldRate(run: RunRecord): readonly ClaimResult[] {
  const wanted = Number(run.options["ratePerSecond"]) * HELD_SHARE;
  const { placedPerSecond, refused, unfinished } = run.orders;
  const p99 = run.latencies.finished?.p99 ?? Number.POSITIVE_INFINITY;
  return [
    {
      claim: `${wanted.toFixed(0)} orders/s held`,
      measured: `${placedPerSecond.toFixed(1)}/s, ${refused} refused, ${unfinished} unfinished`,
      // The rate was held if all arrivals of the open loop came and finished in time.
      isMet: placedPerSecond >= wanted && refused === 0 && unfinished === 0,
    },
    {
      claim: `finished within ${FINISH_P99_MS} ms (p99)`,
      measured: ms(p99),
      isMet: p99 < FINISH_P99_MS,
    },
  ];
}

export function accepted({ latencies }: RunRecord): readonly ClaimResult[] {
  const p99 = latencies.accepted?.p99 ?? Number.POSITIVE_INFINITY;
  return [
    { claim: `202 within ${ACCEPTED_P99_MS} ms (p99)`, measured: ms(p99), isMet: p99 <= ACCEPTED_P99_MS },
  ];
}

export function heldRateBesideReads(run: RunRecord): readonly ClaimResult[] {
  const reads = run.latencies.reads;
  const { readsFailed } = run.orders;
  return [
    ...heldRate(run),
    ...accepted(run),
    {
      claim: "every read answered",
      measured: `${reads?.count ?? 0} answered (p99 ${ms(reads?.p99 ?? 0)}), ${readsFailed} not`,
      isMet: readsFailed === 0 && (reads?.count ?? 0) > 0,
    },
  ];
}

export function publishedEvents(run: RunRecord): readonly ClaimResult[] {
  const perOrder = run.perOrder.kafka.messagesIn;
  // Events are published from the first arrival to the last end.
  const perSecond = (perOrder * run.perOrder.orders) / Math.max(1, run.seconds.length);
  return [
    {
      claim: `${EVENTS_PER_SECOND} events/s from the outboxes to Kafka`,
      measured: `${perSecond.toFixed(0)}/s (${perOrder.toFixed(1)} per order)`,
      isMet: perSecond >= EVENTS_PER_SECOND,
    },
  ];
}

export function undone({ latencies }: RunRecord): readonly ClaimResult[] {
  const p99 = latencies.undone?.p99 ?? Number.POSITIVE_INFINITY;
  return [
    {
      claim: `compensated within ${UNDO_P99_MS} ms of the failure (p99)`,
      measured: ms(p99),
      isMet: p99 <= UNDO_P99_MS,
    },
  ];
}

export function flashSale(run: RunRecord): readonly ClaimResult[] {
  return flashSaleWithin(run, FLASH_SALE_MS);
}

export function flashSaleWithin(run: RunRecord, limitMs: number): readonly ClaimResult[] {
  const { completed, unfinished, refused } = run.orders;
  const stock = Number(run.options["scarceStock"]);
  const wanted = Number(run.options["atOnce"]);
  const sold = Math.min(stock, wanted);
  const last = run.latencies.finished?.max ?? Number.POSITIVE_INFINITY;
  return [
    {
      claim: `exactly ${sold} sold`,
      measured: `${completed} completed`,
      isMet: completed === sold,
    },
    {
      claim: `all ${wanted} decided within ${limitMs} ms`,
      measured: `last after ${ms(last)}, ${refused} refused, ${unfinished} unfinished`,
      isMet: last <= limitMs && refused === 0 && unfinished === 0,
    },
  ];
}

export function notDoubled(run: RunRecord): readonly ClaimResult[] {
  const { doubled } = run.orders;
  return [
    ...heldRate(run),
    { claim: "one saga per Idempotency-Key", measured: `${doubled} doubled`, isMet: doubled === 0 },
  ];
}

export function coldStart({ latencies }: RunRecord): readonly ClaimResult[] {
  const p50 = latencies.finished?.p50 ?? Number.POSITIVE_INFINITY;
  return [
    {
      claim: `first checkouts finished within ${COLD_P50_MS} ms (p50)`,
      measured: ms(p50),
      isMet: p50 < COLD_P50_MS,
    },
  ];
}

export function idle(run: RunRecord): readonly ClaimResult[] {
  const share = total(run.cpuMs) / 1_000 / run.measuredSeconds;
  const bytes = total(run.memory);
  return [
    {
      claim: `under ${IDLE_CORE_SHARE * 100} % of a core`,
      measured: `${(share * 100).toFixed(1)} %`,
      isMet: share < IDLE_CORE_SHARE,
    },
    {
      claim: `under ${(IDLE_BYTES / 2 ** 30).toFixed(1)} GiB (PSS)`,
      measured: `${(bytes / 2 ** 30).toFixed(2)} GiB`,
      isMet: bytes < IDLE_BYTES,
    },
  ];
}

/** Compares each part's memory at the end with its level after five minutes. */
export function soak(run: RunRecord): readonly ClaimResult[] {
  const settled = run.memoryOverTime.find(({ at }) => at >= SOAK_SETTLED_SECONDS) ?? run.memoryOverTime[0];
  const last = run.memoryOverTime.at(-1);
  if (settled === undefined || last === undefined) return heldRate(run);
  const level = new Map(byPart(settled.bytes));
  const grown = byPart(last.bytes).map(([part, bytes]) => ({
    part,
    growth: bytes / (level.get(part) ?? bytes) - 1,
  }));
  const worst = grown.toSorted((a, b) => b.growth - a.growth)[0];
  return [
    ...heldRate(run),
    {
      claim: `memory of each part within ${SOAK_GROWTH * 100} % of its level after ${Math.round(settled.at)} s`,
      measured:
        worst === undefined
          ? "nothing measured"
          : `${worst.part} ${(worst.growth * 100).toFixed(1)} % at most`,
      isMet: worst !== undefined && worst.growth <= SOAK_GROWTH,
    },
  ];
}

/** Orders per second in windows of ten seconds, without the first and the incomplete last window. */
export function backlogWindows({ seconds }: RunRecord): readonly number[] {
  const last = Math.max(0, ...seconds.filter(({ finished }) => finished > 0).map(({ at }) => at));
  const windows = Array.from({ length: Math.floor(last / WINDOW_SECONDS) }, (_, index) =>
    seconds
      .filter(({ at }) => at >= index * WINDOW_SECONDS && at < (index + 1) * WINDOW_SECONDS)
      .reduce((sum, { finished }) => sum + finished / WINDOW_SECONDS, 0),
  );
  return windows.slice(1);
}

/** Compares with a `saturate` run of the same session if there is one, otherwise with the run's own median. */
export function backlog(run: RunRecord, earlier: readonly RunRecord[] = []): readonly ClaimResult[] {
  const windows = backlogWindows(run);
  const saturated = earlier.findLast(({ scenario }) => scenario === "saturate")?.orders.ordersPerSecond;
  const level = saturated ?? median(windows);
  const claim = `no ${WINDOW_SECONDS} s slower than ${FLAT_SHARE} of ${saturated === undefined ? "the median" : "saturate"} until all are done`;
  if (windows.length === 0)
    return [{ claim, measured: "finished too fast to measure", isMet: run.orders.unfinished === 0 }];
  const slowest = Math.min(...windows);
  return [
    {
      claim,
      measured: `${slowest.toFixed(0)}/s of ${level.toFixed(0)}/s`,
      isMet: slowest >= level * FLAT_SHARE,
    },
  ];
}

function total(figures: Readonly<Record<string, number>>): number {
  return Object.values(figures).reduce((sum, value) => sum + value, 0);
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
