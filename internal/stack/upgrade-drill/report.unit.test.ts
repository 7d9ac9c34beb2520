import { expect, test } from "bun:test";
import { PASSES } from "./passes.ts";
import { reportOf } from "./report.ts";

const [upgrade, rollback] = PASSES;
if (upgrade === undefined || rollback === undefined) throw new Error("a drill upgrades and rolls back");

test("the table has a row for each role and two columns for each pass", () => {
  const { text, passed } = reportOf({
    replaced: [
      { pass: upgrade, role: "order", beside: [], after: [] },
      { pass: upgrade, role: "console", beside: null, after: [] },
      { pass: rollback, role: "order", beside: [], after: [] },
      { pass: rollback, role: "console", beside: null, after: [] },
    ],
    others: { audit: [] },
    notes: ["12 checkouts"],
  });
  expect(passed).toBe(true);
  expect(text.split("\n")).toEqual([
    "| role    | old beside new | upgraded | new beside old | rolled back |",
    "| ------- | -------------- | -------- | -------------- | ----------- |",
    "| order   | held           | held     | held           | held        |",
    "| console | -              | held     | -              | held        |",
    "",
    "audit: held",
    "",
    "12 checkouts",
  ]);
});

test("a fault of one state fails the drill and is told with its place", () => {
  const { text, passed } = reportOf({
    replaced: [
      { pass: upgrade, role: "order", beside: ["order-1 crashed"], after: [] },
      { pass: rollback, role: "gateway", beside: [], after: [] },
    ],
    others: { audit: ["stock: 7: lost"] },
    notes: [],
  });
  expect(passed).toBe(false);
  expect(text).toContain("| order   | FAILED         | held        | not reached    | not reached |");
  expect(text).toContain("audit: FAILED");
  expect(text).toContain("FAILED order, old beside new: order-1 crashed");
  expect(text).toContain("FAILED audit: stock: 7: lost");
});
