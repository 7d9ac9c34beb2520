// A repair that did not finish must not read like one that did.
import { expect, test } from "bun:test";
import type { Repaired } from "../../internal/operations/repair.ts";
import { AFTER_REPAIR, isLeft, nextAfter, repairedText } from "./repaired.ts";

const DONE: Repaired = {
  database: "inventory",
  outbox: [{ topic: "inventory-events", messages: 2 }],
  delivered_again: 3,
  not_repaired: [],
  unfinished: false,
};
const PART: Repaired = { ...DONE, database: "order", not_repaired: ["order 1: its shipment"] };
const STOPPED: Repaired = {
  ...DONE,
  delivered_again: 0,
  not_repaired: ["2 of pot are missing"],
  unfinished: true,
};

test("a repaired database: the roles may start", () => {
  expect(repairedText(DONE)).toMatch(/^inventory: repaired\n/);
  expect(repairedText(DONE)).toMatch(/messages written back +2\n/);
  expect(repairedText(DONE)).not.toContain("NOT");
  expect([isLeft([DONE]), nextAfter([DONE])]).toEqual([false, AFTER_REPAIR]);
});

test("points that nobody can give back: repaired in part, and the roles may start", () => {
  expect(repairedText(PART)).toMatch(
    /^order: repaired in part\n[\s\S]*\nNOT repaired: order 1: its shipment$/,
  );
  expect([isLeft([DONE, PART]), nextAfter([DONE, PART])]).toEqual([true, AFTER_REPAIR]);
});

test("what a provider lists late is named, and is nobody's work", () => {
  const reopened = { compared: 1, reopened: [], open: [], later: ["paypal lists a charge up to 3 h late"] };
  const paid: Repaired = { ...DONE, database: "payment", reopened };
  expect(repairedText(paid)).toMatch(
    /^payment: repaired\n[\s\S]*\nlater: paypal lists a charge up to 3 h late$/,
  );
  expect(isLeft([paid])).toBe(false);
});

test("a repair that stopped: not finished, and the roles must not start before the next run", () => {
  expect(repairedText(STOPPED)).toMatch(/^inventory: NOT finished\n/);
  expect(isLeft([STOPPED, DONE])).toBe(true);
  expect(nextAfter([STOPPED, DONE])).toContain("run `checkoutctl repair` again");
  expect(nextAfter([STOPPED, DONE])).not.toContain("start what was stopped");
});
