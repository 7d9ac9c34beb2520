// The rules of plans and runs.
import { describe, expect, test } from "bun:test";
import {
  describeTotals,
  isQuarantined,
  needsTypedCount,
  type PlanItem,
  refusalToStart,
  refusalToSteer,
  type RunState,
  type Startable,
  totalsOf,
} from "./plan.ts";

const item = (changes: Partial<PlanItem>): PlanItem => ({
  position: 0,
  subject: "a",
  saga_id: "s",
  message_id: "m",
  message_type: "ChargePayment",
  service: "payment",
  replays: 0,
  amount_cents: null,
  currency: null,
  units: 1,
  planned: "send",
  why: null,
  ...changes,
});

test("totals count what is acted on, and the money of each checkout once", () => {
  const totals = totalsOf([
    item({ saga_id: "s", amount_cents: 1_250, currency: "EUR" }),
    item({ saga_id: "s", amount_cents: 1_250, currency: "EUR" }),
    item({ saga_id: "t", amount_cents: 300, currency: "JPY" }),
    item({ saga_id: "u", amount_cents: 50, currency: "EUR", planned: "discard" }),
    item({ saga_id: null }),
    item({ saga_id: "v", amount_cents: 9_999, currency: "EUR", planned: "refuse", why: "late" }),
    item({ saga_id: "w", amount_cents: 9_999, currency: "EUR", planned: "skip", why: "done" }),
  ]);
  expect(totals).toEqual({
    acts: 5,
    units: 5,
    skipped: 1,
    refused: 1,
    money: [
      { currency: "EUR", amount_cents: 1_300, sagas: 2 },
      { currency: "JPY", amount_cents: 300, sagas: 1 },
    ],
  });
  expect(describeTotals(totals)).toBe("5 messages, 13.00 EUR of 2 checkouts, 300 JPY of 1 checkout");
});

test("mails and words of parcels touch no money, whatever their checkouts cost", () => {
  const mail = item({ message_type: "SendNotification", amount_cents: 2_800, currency: "EUR" });
  const totals = totalsOf([mail, { ...mail, saga_id: "t" }, { ...mail, message_type: "OrderShipped" }]);
  expect(totals).toMatchObject({ acts: 3, units: 3, money: [] });
  expect(needsTypedCount(totals)).toBe(false);
  const mixed = totalsOf([mail, item({ saga_id: "t", amount_cents: 300, currency: "EUR" })]);
  expect(mixed.money).toEqual([{ currency: "EUR", amount_cents: 300, sagas: 1 }]);
  // Nobody knows what it would do.
  const unreadable = totalsOf([item({ message_type: "unreadable", amount_cents: 5, currency: "EUR" })]);
  expect(unreadable.money).toHaveLength(1);
});

test("the count is typed above 20 messages, or for any money", () => {
  const many = (count: number) => totalsOf(Array.from({ length: count }, () => item({})));
  expect(needsTypedCount(many(20))).toBe(false);
  expect(needsTypedCount(many(21))).toBe(true);
  expect(needsTypedCount(totalsOf([item({ amount_cents: 1, currency: "EUR" })]))).toBe(true);
});

describe("a start", () => {
  const totals = { acts: 21, units: 21, skipped: 0, refused: 0, money: [] };
  const plan: Startable = { state: "draft", totals, allows_quarantined: false, only_subject: null };
  const request = { reason: "fixed the cause", typedCount: 21 };
  const refusal = (changes: Partial<Startable>, asked: object = {}) =>
    refusalToStart({ ...plan, ...changes }, { ...request, ...asked })?.refusal;

  test("is possible once, before the plan expires", () => {
    expect(refusal({})).toBeUndefined();
    expect(refusal({ state: "expired" })).toBe("expired");
    for (const state of ["running", "paused", "stopped", "done"] as const)
      expect(refusal({ state })).toBe("wrong-state");
  });

  test("needs a reason of at least 10 characters that are not blank", () => {
    expect(refusal({}, { reason: "123456789" })).toBe("reason-too-short");
    expect(refusal({}, { reason: "   because    " })).toBe("reason-too-short");
    expect(refusal({}, { reason: "1234567890" })).toBeUndefined();
  });

  test("needs the typed count, unless the plan is small and touches no money", () => {
    expect(refusal({}, { typedCount: null })).toBe("wrong-confirmation");
    expect(refusal({}, { typedCount: 20 })).toBe("wrong-confirmation");
    expect(refusal({ totals: { ...totals, units: 20 } }, { typedCount: null })).toBeUndefined();
  });

  test("of a quarantined message needs its id", () => {
    const one = { totals: { ...totals, units: 1 }, allows_quarantined: true, only_subject: "d" };
    expect(refusal(one, { typedCount: 1 })).toBe("wrong-confirmation");
    expect(refusal(one, { typedId: "e" })).toBe("wrong-confirmation");
    expect(refusal(one, { typedId: "d" })).toBeUndefined();
  });
});

test("what a run allows depends on its state", () => {
  const allowed = (state: RunState) =>
    (["pause", "resume", "stop", "change the rate of"] as const).filter(
      (act) => refusalToSteer(act, state) === null,
    );
  expect(allowed("draft")).toEqual(["change the rate of"]);
  expect(allowed("running")).toEqual(["pause", "stop", "change the rate of"]);
  expect(allowed("paused")).toEqual(["resume", "stop", "change the rate of"]);
  for (const state of ["stopped", "done", "expired"] as const) expect(allowed(state)).toEqual([]);
  expect(refusalToSteer("pause", "done")?.message).toBe("cannot pause a run that is done");
});

test("three replays without success quarantine a message", () => {
  expect([0, 2, 3, 4].map(isQuarantined)).toEqual([false, false, true, true]);
});
