// Chooses the span of the provider ledger that the next run reads. Pure. Called by reconciler.ts.
import type { Span } from "../providers/ledger.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** The longest span of a run. At 10,000 orders per minute it has 1,000 pages. */
export const LONGEST_SPAN_MS = 10 * MINUTE_MS;
const SHORTEST_SPAN_MS = SECOND_MS;
/** Read again each time, for a provider whose lists lag or whose clock was changed. */
export const OVERLAP_MS = 10 * SECOND_MS;

export interface Window {
  readonly span: Span;
  /** There is more to read after it. */
  readonly hasMore: boolean;
}

/**
 * The span after `comparedUntil`, at most `lengthMs` long. It ends `graceMs` ago, because younger entries may not be in our rows yet.
 * Null if there is nothing to read yet. Epoch ms in whole seconds, because the provider's lists are not more precise.
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

/**
 * Until when (epoch ms) the ledger counts as compared, for whoever asks how late the comparison is: nothing is missing of what is younger than
 * the grace time, and of a ledger that lists everything hours late that is hours.
 */
export function countsAsCompared(comparedUntil: number, now: number, graceMs: number): number {
  return Math.min(comparedUntil + graceMs, now);
}

/** The maximum length of the next span; `hadTooMany`: the last one had too many pages. */
export function nextLength(lengthMs: number, hadTooMany: boolean): number {
  return hadTooMany
    ? Math.max(SHORTEST_SPAN_MS, Math.floor(lengthMs / 2))
    : Math.min(LONGEST_SPAN_MS, lengthMs * 2);
}

function wholeSecond(epochMs: number): number {
  return Math.floor(epochMs / SECOND_MS) * SECOND_MS;
}
