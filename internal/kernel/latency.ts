// The latency distribution of the simulated provider, as text: `fixed:0`, `uniform:200-500` (bounds) or `lognormal:250-900`
// (median and 99th percentile), in milliseconds. Used by paysim; the benchmark checks it before it starts anything.
import { assertNever } from "./errors.ts";

/** Longer than any client waits. A typo must not delay a request for a day. */
export const MAX_LATENCY_MS = 60_000;

export type Latency =
  | { readonly kind: "fixed"; readonly ms: number }
  | { readonly kind: "uniform"; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: "lognormal"; readonly p50Ms: number; readonly p99Ms: number };

const FORM = /^(fixed:\d{1,5}|(uniform|lognormal):\d{1,5}-\d{1,5})$/;

/** Standard normal quantile of 0.99, to compute a lognormal's sigma from its p99. */
const Z99 = 2.326_347_874;

/** Null if the text is not a distribution: unknown word, reversed bounds, or a value above MAX_LATENCY_MS. */
export function parseLatency(text: string): Latency | null {
  if (!FORM.test(text)) return null;
  const [kind = "", numbers = ""] = text.split(":");
  const [low = 0, high = low] = numbers.split("-").map(Number);
  if (low > high || high > MAX_LATENCY_MS) return null;
  if (kind === "fixed") return { kind, ms: low };
  if (kind === "uniform") return { kind, minMs: low, maxMs: high };
  return low > 0 ? { kind: "lognormal", p50Ms: low, p99Ms: high } : null;
}

/** One sample in milliseconds. `random` returns uniform numbers in [0, 1). */
export function sampleLatency(latency: Latency, random: () => number): number {
  switch (latency.kind) {
    case "fixed":
      return latency.ms;
    case "uniform":
      return latency.minMs + (latency.maxMs - latency.minMs) * random();
    case "lognormal": {
      const sigma = Math.log(latency.p99Ms / latency.p50Ms) / Z99;
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return Math.min(latency.p50Ms * Math.exp(sigma * normal), MAX_LATENCY_MS);
    }
    default:
      return assertNever(latency);
  }
}
