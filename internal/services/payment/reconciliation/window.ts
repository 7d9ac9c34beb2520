// Which piece of the provider's ledger the next run reads. Pure. Called by reconciler.ts.
import type { Span } from "../providers/ledger.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** The longest piece at once. At 10,000 orders a minute it is 1,000 pages. */
export const LONGEST_SPAN_MS = 10 * MINUTE_MS;
const SHORTEST_SPAN_MS = SECOND_MS;
/** Read again each time, for a provider whose lists lag or whose clock was set. */
export const OVERLAP_MS = 10 * SECOND_MS;

export interface Window {
  readonly span: Span;
  /** There is more to read behind it. */
  readonly hasMore: boolean;
}

/**
 * The piece behind `comparedUntil`, at most `lengthMs` long, which ends `graceMs` ago: what is younger may still be on its way
 * into our rows. Null where there is nothing to read yet. Epoch ms, whole seconds, because the provider's lists know no finer.
 */
export function nextWindow(
  comparedUntil: number,
  now: number,
  graceMs: number,
  lengthMs: number,
): Window | null {
  const end = wholeSecond(now - graceMs);
  const untilMs = Math.min(end, wholeSecond(comparedUntil + lengthMs));
  if (untilMs <= comparedUntil) return null;
  return { span: { fromMs: wholeSecond(comparedUntil - OVERLAP_MS), untilMs }, hasMore: untilMs < end };
}

/** How long the next piece may be, after one that had too many pages, or not. */
export function nextLength(lengthMs: number, hadTooMany: boolean): number {
  return hadTooMany
    ? Math.max(SHORTEST_SPAN_MS, Math.floor(lengthMs / 2))
    : Math.min(LONGEST_SPAN_MS, lengthMs * 2);
}

function wholeSecond(epochMs: number): number {
  return Math.floor(epochMs / SECOND_MS) * SECOND_MS;
}
