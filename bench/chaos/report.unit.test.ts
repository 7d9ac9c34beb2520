// The report shows the effects on shoppers and assigns them to the right fault.
import { describe, expect, test } from "bun:test";
import {
  asText,
  type ChaosReport,
  faultReports,
  type Injection,
  kindReports,
  PAIRS,
  slowestOf,
} from "./report.ts";
import type { KindName } from "./schedule.ts";
import type { Checkout } from "./shopping.ts";

const PRICE = { amount_cents: 1_250, currency: "EUR" };

/** One checkout every 100 ms over a minute, served in half a second unless `faults` changes it. */
function shopping(faults: (at: number) => Partial<Checkout>): Checkout[] {
  return Array.from({ length: 600 }, (_, index): Checkout => {
    const at = index * 100;
    const served = { intendedAt: at, acceptedAt: at + 20, attempts: 1, restAt: at + 500, isServed: true };
    return {
      ...served,
      sagaId: `saga-${index}`,
      isSlow: false,
      provider: "stripe",
      price: PRICE,
      ...faults(at),
    };
  });
}

function injection(kind: KindName, injectedAt: number, healedAt: number, isPair = false): Injection {
  const fault = { kind, target: "any", holdMs: 0, strength: 0, overlapsNext: isPair };
  return { fault, injectedAt, healedAt, leftAt: healedAt + 5_000, isPair };
}

describe("a kind of fault", () => {
  test("counts recovery from its injection or from its end, depending on the kind", () => {
    const down = (at: number) => (at >= 10_000 && at < 22_000 ? { isServed: false } : {});
    const checkouts = shopping(down);
    const { "service kill": kill, "service pause": pause } = kindReports(
      [injection("service kill", 10_000, 20_000), injection("service pause", 10_000, 20_000)],
      checkouts,
    );
    expect(kill?.recovery_s).toEqual({ p50: 12, p95: 12, worst: 12 });
    expect(pause?.recovery_s).toEqual({ p50: 2, p95: 2, worst: 2 });
    expect([kill?.not_served, pause?.not_served]).toEqual([120, 120]);
  });

  test("is also reported fault by fault", () => {
    const down = (at: number) => (at >= 10_000 && at < 22_000 ? { isServed: false } : {});
    const [first, second] = faultReports(
      [injection("Kafka leader kill", 10_000, 20_000), injection("relay kill", 40_000, 40_000, true)],
      shopping(down),
    );
    expect(first).toEqual({
      kind: "Kafka leader kill",
      target: "any",
      injected_at: "1970-01-01T00:00:10.000Z",
      held_s: 10,
      recovery_s: 12,
      is_pair: false,
    });
    expect(second).toMatchObject({ recovery_s: 0, is_pair: true });
  });

  test("counts retried checkouts between injection and recovery, and no others", () => {
    const twice = (at: number) =>
      [9_900, 10_000, 10_500, 40_000].includes(at) ? { attempts: 2, isServed: at > 10_500 } : {};
    const { "Redis kill": redis } = kindReports([injection("Redis kill", 10_000, 10_000)], shopping(twice));
    expect(redis).toMatchObject({ retried_by_shoppers: 2, not_served: 2 });
  });

  test("does not count checkouts with a slow provider", () => {
    const slow = (at: number) =>
      at === 12_000 ? { isSlow: true, isServed: false, restAt: at + 30_000 } : {};
    const { duplicates } = kindReports([injection("duplicates", 12_000, 12_000)], shopping(slow));
    expect(duplicates).toMatchObject({ recovery_s: { worst: 0 }, not_served: 0 });
  });

  test("after which nothing works is reported as not recovered", () => {
    const dead = (at: number) => (at >= 10_000 ? { isServed: false } : {});
    const { "relay kill": relay } = kindReports([injection("relay kill", 10_000, 10_000)], shopping(dead));
    expect(relay).toMatchObject({ recovery_s: null, unrecovered: 1 });
  });

  test("in a pair counts as a pair", () => {
    const both = [injection("Redis kill", 1_000, 5_000, true), injection("relay kill", 2_000, 5_000, true)];
    expect(
      Object.keys(
        kindReports(
          both,
          shopping(() => ({})),
        ),
      ),
    ).toEqual([PAIRS]);
  });
});

test("the slowest come first", () => {
  const late = (at: number) => (at === 300 ? { restAt: 60_320, end: "CARD_DECLINED" } : { end: "COMPLETED" });
  const [first, second] = slowestOf(shopping(late));
  expect(first).toEqual({ saga_id: "saga-3", seconds: 60, end: "CARD_DECLINED" });
  expect(second?.seconds).toBe(0.48);
});

test("the text has the money by currency, and the ends by provider and answer", () => {
  const report: ChaosReport = {
    seed: 7,
    seconds: 1,
    faults: 0,
    sagas: 3,
    by_end: { COMPLETED: 2, CARD_DECLINED: 1 },
    by_currency: {
      KWD: { ends: { COMPLETED: 2 }, due_cents: 7_740, taken_cents: 11_610, returned_cents: 3_870 },
    },
    authorize_first: ["stripe"],
    by_provider: {
      stripe: {
        ends: { COMPLETED: 3 },
        by_answer: { "confirmed twice": { JPY: { COMPLETED: 1 }, KWD: { COMPLETED: 2 } } },
      },
      paypal: { ends: { COMPLETED: 1 }, by_answer: { "too late": { EUR: { PAYMENT_NOT_CONFIRMED: 1 } } } },
    },
    banks_not_checked: 2,
    slowest: [],
    not_accepted: 0,
    not_terminal: 0,
    kinds: {},
    injections: [],
    ended_by_themselves: {},
    left_out: {},
    violations: [],
    audit_clean: true,
    ok: true,
  };
  const lines = asText(report).split("\n");
  expect(lines).toContain("  KWD: orders of 7.740 KWD; the provider took 11.610 KWD and returned 3.870 KWD");
  expect(lines).toContain("      confirmed twice  JPY 1 COMPLETED; KWD 2 COMPLETED");
  expect(lines).toContain("  NOT CHECKED: 2 confirmations after the end, because the bank was away");
  expect(lines).toContain("  stripe has the money held first: 3 COMPLETED");
  expect(lines).toContain("  paypal takes the money at once: 1 COMPLETED");
  expect(lines).toContain("      too late         EUR 1 PAYMENT_NOT_CONFIRMED");
  expect(asText({ ...report, banks_not_checked: 0 })).not.toContain("NOT CHECKED");
});
