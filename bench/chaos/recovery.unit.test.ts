// Recovery as shoppers see it: the first two seconds in which every checkout is served in time.
import { describe, expect, test } from "bun:test";
import { CALM_MS, NORMAL_MS, recoveryMs, type Timed } from "./recovery.ts";

/** One checkout every 100 ms from 0 on. `tookMs` returns its duration by its start; undefined means it never finishes. */
function shopping(untilMs: number, tookMs: (at: number) => number | undefined): Timed[] {
  return Array.from({ length: untilMs / 100 }, (_, index): Timed => {
    const intendedAt = index * 100;
    const took = tookMs(intendedAt);
    return { intendedAt, restAt: took === undefined ? undefined : intendedAt + took, isServed: true };
  });
}
const LATER = 1_000_000;

describe("recovery", () => {
  test("takes no time if no checkout was affected", () => {
    expect(
      recoveryMs(
        shopping(10_000, () => 500),
        3_000,
        LATER,
      ),
    ).toBe(0);
  });

  test("ends at the first checkout after the last slow one", () => {
    // Checkouts before 7 s finish at 11 s.
    const outage = (at: number) => (at >= 3_000 && at < 7_000 ? 11_000 - at : 500);
    expect(recoveryMs(shopping(20_000, outage), 3_000, LATER)).toBe(7_000 - 3_000);
  });

  test("is not reached while checkouts end fast but fail", () => {
    const givenUp = (checkout: Timed) => ({ ...checkout, isServed: checkout.intendedAt >= 9_000 });
    expect(recoveryMs(shopping(20_000, () => 500).map(givenUp), 3_000, LATER)).toBe(6_000);
  });

  test("does not end at a single fast checkout during the outage", () => {
    const outage = (at: number) => (at >= 3_000 && at < 9_000 && at !== 5_000 ? 20_000 : 500);
    expect(recoveryMs(shopping(20_000, outage), 3_000, LATER)).toBe(6_000);
  });

  test("is not reached while a checkout is open", () => {
    const open = (at: number) => (at === 4_000 ? undefined : 500);
    expect(recoveryMs(shopping(4_500, open), 3_000, 4_500)).toBeNull();
    expect(recoveryMs(shopping(5_000, open), 3_000, 4_000 + NORMAL_MS + 1)).toBeNull();
  });

  test("ignores a checkout that never finishes and continues with later ones", () => {
    const lost = (at: number) => (at === 4_000 ? undefined : 500);
    expect(recoveryMs(shopping(10_000, lost), 3_000, LATER)).toBe(1_100);
  });

  test("is not reached before CALM_MS has passed", () => {
    const calm = shopping(3_000 + CALM_MS, () => 500);
    expect(recoveryMs(calm, 3_000, LATER)).toBeNull();
    expect(recoveryMs([...calm, { intendedAt: 3_000 + CALM_MS }], 3_000, 3_000 + CALM_MS)).toBe(0);
  });
});
