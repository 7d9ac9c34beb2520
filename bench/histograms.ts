// Latencies as HdrHistograms: three significant digits from a microsecond to an hour. They are small enough to store one per run, and
// unlike percentiles they can be added over several runs. The interface uses milliseconds, the histograms microseconds.
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from "hdr-histogram-js";

const MAX_US = 3_600_000_000;
const DIGITS = 3;
/** The percentiles of the curve in a report. */
const CURVE: readonly number[] = [0, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 100];

/** Milliseconds. `histogram` is HdrHistogram's compressed encoding in base64, in microseconds. */
export interface Latencies {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly histogram: string;
}

export function latenciesOf(milliseconds: Iterable<number>): Latencies {
  const histogram = newHistogram();
  let max = 0;
  for (const ms of milliseconds) {
    histogram.recordValue(Math.min(MAX_US, Math.max(1, Math.round(ms * 1_000))));
    max = Math.max(max, ms);
  }
  return summaryOf(histogram, max);
}

/** The latencies of several runs as one. */
export function addUp(all: readonly Latencies[]): Latencies {
  const sum = newHistogram();
  for (const { histogram, count } of all) if (count > 0) sum.add(decodeFromCompressedBase64(histogram));
  return summaryOf(sum, Math.max(0, ...all.map(({ max }) => max)));
}

/** Points of percentile and milliseconds, for drawing. */
export function curveOf({ histogram, count, max }: Latencies): readonly (readonly [number, number])[] {
  if (count === 0) return [];
  const decoded = decodeFromCompressedBase64(histogram);
  return CURVE.map((percentile) => [percentile, at(decoded, percentile, max)]);
}

/** The quantile of a sorted list; NaN if it is empty. For small sets that need no histogram. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? quantile(sorted, 0.5)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function newHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    numberOfSignificantValueDigits: DIGITS,
  });
}

/** The histogram has only three digits, so `max` is passed exactly. */
function summaryOf(histogram: Histogram, max: number): Latencies {
  const isEmpty = histogram.totalCount === 0;
  return {
    count: histogram.totalCount,
    mean: isEmpty ? 0 : histogram.mean / 1_000,
    p50: at(histogram, 50, max),
    p90: at(histogram, 90, max),
    p99: at(histogram, 99, max),
    p999: at(histogram, 99.9, max),
    max,
    histogram: isEmpty ? "" : encodeIntoCompressedBase64(histogram),
  };
}

function at(histogram: Histogram, percentile: number, max: number): number {
  if (histogram.totalCount === 0) return 0;
  return Math.min(histogram.getValueAtPercentile(percentile) / 1_000, max);
}
