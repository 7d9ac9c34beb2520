// Choosing the next span of the ledger: nothing is skipped, nothing is read too early, and too long a span is halved.
import { expect, test } from "bun:test";
import { countsAsCompared, LONGEST_SPAN_MS, nextLength, nextWindow, OVERLAP_MS } from "./window.ts";

const NOW = Date.parse("2026-11-26T12:00:00.400Z");
const GRACE_MS = 300_000;
const window = (comparedUntil: number, lengthMs = LONGEST_SPAN_MS) =>
  nextWindow(comparedUntil, NOW, GRACE_MS, lengthMs);

test("a span ends one grace ago at a whole second, and begins shortly before the end of the last one", () => {
  const from = NOW - GRACE_MS - 60_400;
  expect(window(from)).toEqual({
    span: { fromMs: from - OVERLAP_MS, untilMs: NOW - GRACE_MS - 400 },
    hasMore: false,
  });
});

test("there is no span while all entries are within the grace", () => {
  expect(window(NOW - GRACE_MS - 400)).toBeNull();
  expect(window(NOW)).toBeNull();
});

test("after a long pause the spans follow one another without a gap, up to now", () => {
  const end = NOW - GRACE_MS - 400;
  let [until, spans] = [end - 3 * LONGEST_SPAN_MS - 1_000, 0];
  for (let next = window(until); next !== null; next = window(until)) {
    expect(next.span.fromMs).toBeLessThan(until);
    expect(next.hasMore).toBe(next.span.untilMs < end);
    until = next.span.untilMs;
    spans += 1;
  }
  expect([until, spans]).toEqual([end, 4]);
});

test("a span with too many pages is halved, down to one second, and grows again afterwards", () => {
  expect(nextLength(LONGEST_SPAN_MS, true)).toBe(LONGEST_SPAN_MS / 2);
  expect(nextLength(1_000, true)).toBe(1_000);
  expect(nextLength(LONGEST_SPAN_MS / 2, false)).toBe(LONGEST_SPAN_MS);
  expect(nextLength(LONGEST_SPAN_MS, false)).toBe(LONGEST_SPAN_MS);
});

test("a ledger that lags for hours is late only for the rest", () => {
  const [now, lagMs] = [100_000_000, 12_600_000];
  expect(countsAsCompared(now - lagMs, now, lagMs)).toBe(now);
  // The first run: there is nothing to compare yet.
  expect(countsAsCompared(now, now, lagMs)).toBe(now);
  expect(countsAsCompared(now - lagMs - 1_800_000, now, lagMs)).toBe(now - 1_800_000);
});
