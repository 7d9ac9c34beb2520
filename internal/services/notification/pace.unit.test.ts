// The pace against servers with a limit, in simulated time: it stays near the limit and makes few attempts too many.
import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

/** Offers endless mails for `seconds` to a server that accepts `perWindow` per window. Returns how many were accepted and refused. */
function offer(pace: Pace, seconds: number, perWindow: number, windowMs: number) {
  const taken: number[] = Array.from({ length: seconds }, () => 0);
  let refused = 0;
  let window = -1;
  let inWindow = 0;
  for (let now = 0; now < seconds * 1_000; now += 1) {
    // At most 2 replies per ms.
    for (let i = 0; i < 2 && pace.take(now); i += 1) {
      if (Math.floor(now / windowMs) !== window) [window, inWindow] = [Math.floor(now / windowMs), 0];
      inWindow += 1;
      if (inWindow <= perWindow) {
        const second = Math.floor(now / 1_000);
        taken[second] = (taken[second] ?? 0) + 1;
        pace.accepted(now);
      } else {
        refused += 1;
        pace.slower(now);
      }
    }
  }
  return { taken: taken.reduce((sum, count) => sum + count, 0), refused };
}

test("without a limit nothing is held back", () => {
  const pace = new Pace();
  expect(offer(pace, 1, 10_000, 1_000)).toEqual({ taken: 2_000, refused: 0 });
  expect(pace.perSecond).toBe(Number.POSITIVE_INFINITY);
  expect(pace.waitMs(0)).toBe(0);
});

test.each([
  [2, 1_000],
  [10, 1_000],
  [100, 1_000],
])("a limit of %d in %d ms is used almost fully", (perWindow, windowMs) => {
  const { taken, refused } = offer(new Pace(), 60, perWindow, windowMs);
  const allowed = (60_000 / windowMs) * perWindow;
  expect(taken).toBeGreaterThan(allowed * 0.85);
  expect(refused).toBeLessThan(allowed * 0.25);
});

test("a limit per minute is found again every minute, without hammering in between", () => {
  const { taken, refused } = offer(new Pace(), 600, 100, 60_000);
  expect(taken).toBeGreaterThan(700);
  expect(refused).toBeLessThan(400);
});

test("a limit that the server has lifted is forgotten", () => {
  const pace = new Pace();
  offer(pace, 5, 10, 1_000);
  pace.slower(5_000);
  for (let now = 5_000; Number.isFinite(pace.perSecond) && now < 600_000; now += 1)
    if (pace.take(now)) pace.accepted(now);
  expect(pace.perSecond).toBe(Number.POSITIVE_INFINITY);
});

test("replies to mails already in flight slow the pace once", () => {
  const pace = new Pace();
  for (let i = 0; i < 20; i += 1) pace.accepted(0);
  for (let i = 0; i < 30; i += 1) pace.slower(10);
  expect(pace.perSecond).toBeCloseTo(19);
});
