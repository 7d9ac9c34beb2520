// What the overview says while something is wrong that nobody has told it: an intake that died, work that waits too long.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { known, NOW, quietSnapshot } from "../testkit/console.ts";
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

  test("payments without a definite answer, after a quarter of an hour", () => {
    const money = (status: string, minutes: number) => {
      const oldest_at = NOW - minutes * MINUTE_MS;
      const payments = [{ status, currency: "EUR", count: 3, amount_cents: 900, oldest_at }];
      return { money: known({ payments, refunds_pending: [], alerts: [] }) };
    };
    expect(lines(money("UNKNOWN", 15))).toEqual([]);
    expect(lines(money("PENDING", 60))).toEqual([]);
    expect(lines(money("UNKNOWN", 16))).toEqual([
      "warn /payments 3 payments in EUR have no definite answer, the oldest for 16 min",
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

  test("mails that wait for more than an hour", () => {
    const mails = (ageMs: number) => ({ mails: known({ waiting: 4, oldest_at: NOW - ageMs }) });
    expect(lines(mails(HOUR_MS))).toEqual([]);
    expect(lines(mails(3 * HOUR_MS))).toEqual([
      "warn #o-outboxes 4 mails wait for another try, the oldest for 3 h",
    ]);
  });
});

describe("the last hour", () => {
  const startedAMinute = (minutesAgo: number) => {
    const at = Math.floor(NOW / MINUTE_MS) * MINUTE_MS - minutesAgo * MINUTE_MS;
    const minutes = [{ at, started: 9_000, completed: 8_990, compensated: 10 }];
    const hour = known({ minutes, p50_ms: 1_900, p99_ms: 2_800, completed: 8_990, compensated: 10 });
    const html = part("o-hour", { ...quietSnapshot(), hour });
    return /<dt>Started a minute<\/dt><dd>([^<]*)<\/dd>/.exec(html)?.[1];
  };

  test("durations say that they include waits at the bank", () => {
    expect(part("o-hour", quietSnapshot()).replaceAll("&#39;", "'")).toContain(
      "p50 and p99 include waits at the shopper's bank, which the objectives leave out.",
    );
  });

  test("an intake that takes nothing any more shows 0, and not its last good minute", () => {
    expect([1, 2, 40].map(startedAMinute)).toEqual(["9,000", "0", "0"]);
    // The minute in progress is not whole yet.
    expect(startedAMinute(0)).toBe("0");
  });
});
