// Recovery as shoppers see it: the first two seconds in which everybody is served as promised.
import { describe, expect, test } from "bun:test";
import { CALM_MS, NORMAL_MS, recoveryMs, type Timed } from "./recovery.ts";

/** One checkout every 100 ms from 0 on, each finished after what `tookMs` says of its start; undefined is never. */
function shopping(untilMs: number, tookMs: (at: number) => number | undefined): Timed[] {
  return Array.from({ length: untilMs / 100 }, (_, index): Timed => {
    const intendedAt = index * 100;
    const took = tookMs(intendedAt);
    return { intendedAt, restAt: took === undefined ? undefined : intendedAt + took, isServed: true };
  });
}
const LATER = 1_000_000;

describe("recovery", () => {
  test("takes no time where nobody noticed", () => {
    expect(
      recoveryMs(
        shopping(10_000, () => 500),
        3_000,
        LATER,
      ),
    ).toBe(0);
  });

  test("ends with the first checkout after the last that took too long", () => {
    // Those that come before 7 s wait until 11 s: from 8 s on that is no longer than normal.
    const outage = (at: number) => (at >= 3_000 && at < 7_000 ? 11_000 - at : 500);
    expect(recoveryMs(shopping(20_000, outage), 3_000, LATER)).toBe(7_000 - 3_000);
  });

  test("is not there while checkouts end quickly, but badly", () => {
    const givenUp = (checkout: Timed) => ({ ...checkout, isServed: checkout.intendedAt >= 9_000 });
    expect(recoveryMs(shopping(20_000, () => 500).map(givenUp), 3_000, LATER)).toBe(6_000);
  });

  test("does not take a single quick checkout in an outage for its end", () => {
    const outage = (at: number) => (at >= 3_000 && at < 9_000 && at !== 5_000 ? 20_000 : 500);
    expect(recoveryMs(shopping(20_000, outage), 3_000, LATER)).toBe(6_000);
  });

  test("is not there yet while a checkout is open, quick or not", () => {
    const open = (at: number) => (at === 4_000 ? undefined : 500);
    expect(recoveryMs(shopping(4_500, open), 3_000, 4_500)).toBeNull();
    expect(recoveryMs(shopping(5_000, open), 3_000, 4_000 + NORMAL_MS + 1)).toBeNull();
  });

  test("of a checkout that never finishes, goes on with those after it", () => {
    const lost = (at: number) => (at === 4_000 ? undefined : 500);
    expect(recoveryMs(shopping(10_000, lost), 3_000, LATER)).toBe(1_100);
  });

  test("is not known before there has been calm for long enough", () => {
    const calm = shopping(3_000 + CALM_MS, () => 500);
    expect(recoveryMs(calm, 3_000, LATER)).toBeNull();
    expect(recoveryMs([...calm, { intendedAt: 3_000 + CALM_MS }], 3_000, 3_000 + CALM_MS)).toBe(0);
  });
});
