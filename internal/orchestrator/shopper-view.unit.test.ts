// Where a shopper's money is, by the table of the saga and where it stands.
import { describe, expect, test } from "bun:test";
import type { MoneyState } from "../../schemas/http.ts";
import { type ShopperFacts, shopperView } from "./shopper-view.ts";
import { statusDuring, type Step, tableOf } from "./steps.ts";

const facts: ShopperFacts = {
  table_version: 1,
  status: "STARTED",
  current_step: "reserve",
  compensation_step: null,
  failure_code: null,
  total_cents: 1_000,
  payment_succeeded: false,
  action_expires_at: null,
  action_latest_at: null,
  deadline_at: null,
  lines_short: null,
  cancellation_step: null,
};
const moneyAt = (overrides: Partial<ShopperFacts>) => shopperView({ ...facts, ...overrides }).money;
const forwardAt = (table_version: number, step: Step, overrides: Partial<ShopperFacts> = {}) =>
  moneyAt({
    table_version,
    status: statusDuring(tableOf({ table_version }), step),
    current_step: step,
    ...overrides,
  });
const undoing = (current_step: Step, compensation_step: Step, payment_succeeded = false) =>
  moneyAt({
    table_version: 2,
    status: "COMPENSATING",
    failure_code: "X",
    current_step,
    compensation_step,
    payment_succeeded,
  });

describe("on the way forward", () => {
  test.each<[number, Step, MoneyState]>([
    [1, "reserve", "none"],
    [1, "charge", "unknown"],
    [1, "confirm", "taken"],
    [1, "order", "taken"],
    [2, "reserve", "none"],
    [2, "authorize", "unknown"],
    [2, "confirm", "authorized"],
    // The money may have been taken, and the reply is on its way.
    [2, "capture", "unknown"],
    [2, "order", "taken"],
  ])("table %d in %s: %s", (version, step, money) => {
    expect(forwardAt(version, step)).toBe(money);
  });

  test("nothing is held or taken of a checkout that costs nothing", () => {
    for (const step of ["confirm", "order"] as const)
      for (const version of [1, 2]) expect(forwardAt(version, step, { total_cents: 0 })).toBe("none");
  });
});

describe("a saga of table 2 that is undone", () => {
  test.each<[Step, Step, MoneyState]>([
    ["reserve", "reserve", "none"],
    ["authorize", "authorize", "unknown"],
    ["confirm", "authorize", "authorized"],
    ["capture", "authorize", "unknown"],
    // What was held is released, and nothing was taken.
    ["confirm", "reserve", "none"],
    ["capture", "reserve", "none"],
  ])("in %s, undoing %s: %s", (at, compensation_step, money) => {
    expect(undoing(at, compensation_step)).toBe(money);
  });

  test("money that was taken is on its way back, and then it is back", () => {
    expect([undoing("order", "order", true), undoing("order", "authorize", true)]).toEqual([
      "returning",
      "returning",
    ]);
    expect(undoing("capture", "reserve", true)).toBe("returned");
  });

  test("ends with no money taken, or with all of it returned", () => {
    const ended = { table_version: 2, status: "COMPENSATED", failure_code: "X" } as const;
    expect(moneyAt({ ...ended, current_step: "confirm" })).toBe("none");
    expect(moneyAt({ ...ended, current_step: "capture", payment_succeeded: true })).toBe("returned");
  });
});

test("the shopper is asked in the step that may ask: charge or authorize", () => {
  const waiting = (table_version: number, current_step: Step) =>
    "next_action" in
    shopperView({
      ...facts,
      table_version,
      current_step,
      status: "INVENTORY_RESERVED",
      action_expires_at: 1_000,
    });
  expect([
    waiting(1, "charge"),
    waiting(2, "authorize"),
    waiting(2, "confirm"),
    waiting(2, "capture"),
  ]).toEqual([true, true, false, false]);
});

test("a finished saga of a table that this binary does not know can still be shown", () => {
  const done = { table_version: 99, status: "COMPLETED" } as const;
  expect(shopperView({ ...facts, ...done }).money).toBe("taken");
});
