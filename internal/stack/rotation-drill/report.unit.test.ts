// What the table of a drill says, and when it has passed.
import { expect, test } from "bun:test";
import type { Exchanged } from "./exchange.ts";
import { noticed, reportOf } from "./report.ts";
import type { Bought } from "./shoppers.ts";

const exchanged: Exchanged = {
  exchange: {
    name: "link-secret",
    secret: "SHOP_LINK_SECRET",
    settings: ["SHOP_LINK_SECRET"],
    page: "Links in mails",
    both: "until removed",
    run: async () => undefined,
  },
  from: 1_000,
  until: 5_000,
  steps: ["new files", "restart gateway", "restart notification", "30 days later", "restart gateway"],
};
const order: Bought = { placedAt: 1_500, sagaId: "s", attempts: 1, endedAt: 2_750 };

test("the steps are in order, neighbouring restarts together", () => {
  const { text, passed } = reportOf([exchanged], { bought: [order], bad: [], answers: 2 }, []);
  expect(passed).toBe(true);
  expect(text).toContain("new files; restart gateway, notification; 30 days later; restart gateway");
  expect(text).toContain("4 s");
  expect(text).toContain("nothing; slowest of 1 orders 1.3 s");
  expect(text).toContain("audit clean");
});

test("what shoppers noticed is what happened to those who were there", () => {
  const before: Bought = { placedAt: 100, attempts: 3, endedAt: 900 };
  const across: Bought = { placedAt: 100, attempts: 2, endedAt: 1_100 };
  const lost: Bought = { placedAt: 4_000, fault: "checkout s is not found" };
  const bad = [
    { at: 999, status: 503, path: "/" },
    { at: 4_000, status: 503, path: "/" },
  ];
  expect(noticed(exchanged, [before, across, lost], bad)).toBe(
    "1 checkouts LOST; 1 answers of 5xx; 1 asked again; slowest of 1 orders 1.0 s",
  );
});

test("a lost checkout, an answer of 5xx, a failed step, a violation or no audit fails it", () => {
  const seen = { bought: [order], bad: [], answers: 1 };
  const lost: Bought = { placedAt: 9_000, fault: "checkout s ended as TIMEOUT" };
  const verdicts = [
    reportOf([exchanged], { ...seen, bought: [order, lost] }, []),
    reportOf([exchanged], { ...seen, bad: [{ at: 9_000, status: 0, path: "/api/v1/checkout" }] }, []),
    reportOf([{ ...exchanged, fault: "the old link still counts" }], seen, []),
    reportOf([exchanged], seen, ["money: s: taken twice"]),
    reportOf([exchanged], seen, undefined),
    reportOf([], seen, []),
  ];
  expect(verdicts.map(({ passed }) => passed)).toEqual([false, false, false, false, false, false]);
  expect(verdicts[0]?.text).toContain("LOST: checkout s ended as TIMEOUT");
  expect(verdicts[1]?.text).toContain("no answer /api/v1/checkout, between two exchanges");
  expect(verdicts[2]?.text).toContain("FAILED link-secret: the old link still counts");
  expect(verdicts[3]?.text).toContain("VIOLATION: money: s: taken twice");
});
