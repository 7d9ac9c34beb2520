// What the overview says while something is wrong that nobody has told it: an intake that died, work that waits too long.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import type { SagaFlow } from "../../schemas/overview.ts";
import type { RunView } from "../operations/plans.ts";
import { known, NOW, quietSnapshot, unknown } from "../testkit/console.ts";
import { RUN } from "../testkit/console-previews.ts";
import type { Snapshot } from "./collector.ts";
import { attentionTo } from "./parts/attention.ts";
import { OVERVIEW_PARTS } from "./pages/overview.tsx";

const MINUTE_MS = 60_000;

const part = (id: string, snapshot: Snapshot) => {
  const Part = OVERVIEW_PARTS[id];
  if (Part === undefined) throw new Error(`there is no part ${id}`);
  return render(Part({ snapshot, now: NOW }));
};

describe("what needs a person, without an Alertmanager", () => {
  const quiet: Snapshot = { ...quietSnapshot(), firing: null };
  const lines = (parts: Partial<Snapshot>) =>
    attentionTo({ ...quiet, ...parts }, NOW).map(({ tone, text, href }) => `${tone} ${href} ${text}`);
  const HOUR_MS = 60 * MINUTE_MS;

  test("payments without a definite result, after a quarter of an hour", () => {
    const money = (status: string, minutes: number) => {
      const oldest_at = NOW - minutes * MINUTE_MS;
      const payments = [{ status, currency: "EUR", count: 3, amount_cents: 900, oldest_at }];
      return { money: known({ payments, refunds_pending: [], alerts: [] }) };
    };
    expect(lines(money("UNKNOWN", 15))).toEqual([]);
    expect(lines(money("PENDING", 60))).toEqual([]);
    expect(lines(money("UNKNOWN", 16))).toEqual([
      "warn /payments 3 payments in EUR have no definite result, the oldest for 16 min",
    ]);
  });

  test("a group that stands still in a partition, however little waits there", () => {
    const topics = (unmoved_since: number) => {
      const groups = [{ group: "payment", lag: 1, unmoved_since }];
      return { topics: known([{ topic: "checkout-commands", partitions: 16, messages: 9, end: 9, groups }]) };
    };
    expect(lines(topics(NOW - 30_000))).toEqual([]);
    expect(lines(topics(NOW - 40_000))).toEqual([
      "warn /topics/checkout-commands payment has not moved in a partition of checkout-commands for 40 s",
    ]);
  });

  test("a group that is far behind in its topic", () => {
    const topics = (lag: number) => {
      const groups = [{ group: "payment", lag }];
      return { topics: known([{ topic: "checkout-commands", partitions: 16, messages: 9, end: 9, groups }]) };
    };
    expect(lines(topics(1_000))).toEqual([]);
    expect(lines(topics(1_001))).toEqual([
      "warn #o-topics payment is 1,001 messages behind in checkout-commands",
    ]);
  });

  test("each run that is paused half done, with what it did and why", () => {
    const paused = (parts: Partial<RunView>) => {
      const counts = { ...RUN.counts, sent: 138, discarded: 9, not_reached: 162 };
      const run: RunView = { ...RUN, totals: { ...RUN.totals, acts: 300, units: 12_000 }, counts, ...parts };
      return lines({ pausedRuns: known([run]) });
    };
    const href = `/runs/${RUN.plan_id}`;
    expect(paused({})).toEqual([`warn ${href} A run is paused: 138 of 300 sent`]);
    expect(paused({ kind: "dead-letter.discard" })).toEqual([
      `warn ${href} A run is paused: 9 of 300 discarded`,
    ]);
    expect(paused({ kind: "outbox.republish", units_done: 4_500 })).toEqual([
      `warn ${href} A run is paused: 4,500 of 12,000 messages sent`,
    ]);
    expect(paused({ halted_because: "more than 10 % failed" })).toEqual([
      `bad ${href} A run has paused itself (more than 10 % failed): 138 of 300 sent`,
    ]);
  });

  test("mails that wait for more than an hour", () => {
    const mails = (ageMs: number) => ({ mails: known({ waiting: 4, oldest_at: NOW - ageMs }) });
    expect(lines(mails(HOUR_MS))).toEqual([]);
    expect(lines(mails(3 * HOUR_MS))).toEqual([
      "warn #o-outboxes 4 mails wait for another try, the oldest for 3 h",
    ]);
  });
});

describe("money at risk", () => {
  const CALM = "All money is where it belongs.";
  const sagasWith = (parts: Partial<SagaFlow>): Partial<Snapshot> => {
    const { value } = quietSnapshot().sagas;
    if (value === null) throw new Error("the quiet snapshot knows its sagas");
    return { sagas: known({ ...value, ...parts }) };
  };
  const stuck = (needing_operator: number) => ({
    charged_undo_stuck: [
      { currency: "EUR", count: 3, needing_operator, amount_cents: 13_800, oldest_at: NOW - 20 * MINUTE_MS },
    ],
  });

  test("money that was charged, and whose undo is stuck, is not where it belongs", () => {
    const snapshot = { ...quietSnapshot(), ...sagasWith(stuck(3)) };
    expect(attentionTo(snapshot, NOW)).toEqual([
      {
        tone: "bad",
        text: "3 checkouts, 138.00 EUR: charged, and their undo is stuck",
        href: "/sagas?status=COMPENSATING&currency=EUR&needs_operator=1",
      },
    ]);
    const html = part("o-money", snapshot);
    expect(html).not.toContain(CALM);
    expect(html).toContain("138.00 EUR");
    expect(html).toContain("/sagas?status=COMPENSATING&amp;currency=EUR&amp;needs_operator=1");
  });

  test("the list has those that do not need an operator yet", () => {
    const [line] = attentionTo({ ...quietSnapshot(), ...sagasWith(stuck(2)) }, NOW);
    expect(line?.href).toBe("/sagas?status=COMPENSATING&currency=EUR");
  });

  test("so is that of a cancelled order before its refund", () => {
    const one = { currency: "EUR", count: 1, amount_cents: 4_900, oldest_at: NOW };
    const html = part("o-money", {
      ...quietSnapshot(),
      ...sagasWith({ refund_of_cancelled_stuck: [one] }),
    });
    expect(html).not.toContain(CALM);
    expect(html).toContain("49.00 EUR");
  });

  test("all is well only if every source says so", () => {
    expect(part("o-money", quietSnapshot())).toContain(CALM);
    for (const silent of ["sagas", "money", "alerts"])
      expect(part("o-money", { ...quietSnapshot(), [silent]: unknown("away") })).not.toContain(CALM);
  });
});

describe("the last hour", () => {
  const startedAMinute = (minutesAgo: number) => {
    const at = Math.floor(NOW / MINUTE_MS) * MINUTE_MS - minutesAgo * MINUTE_MS;
    const minutes = [{ at, started: 9_000, completed: 8_990, compensated: 10 }];
    const hour = known({ minutes, p50_ms: 1_900, p99_ms: 2_800, completed: 8_990, compensated: 10 });
    const html = part("o-hour", { ...quietSnapshot(), hour });
    return /<dt>Started in the last whole minute<\/dt><dd>([^<]*)<\/dd>/.exec(html)?.[1];
  };

  test("durations say that they leave waits at the bank out", () => {
    expect(part("o-hour", quietSnapshot()).replaceAll("&#39;", "'")).toContain(
      "p50 and p99 are of checkouts that did not wait for the shopper at the bank.",
    );
  });

  test("an intake that takes nothing any more shows 0, and not its last good minute", () => {
    expect([1, 2, 40].map(startedAMinute)).toEqual(["9,000", "0", "0"]);
    // The minute in progress is not whole yet.
    expect(startedAMinute(0)).toBe("0");
  });
});
