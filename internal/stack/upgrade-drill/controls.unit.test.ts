// A mistake counts as noticed only by a fault that tells of it.
import { expect, test } from "bun:test";
import { CONTROLS, signsOf } from "./controls.ts";
import { PASSES } from "./passes.ts";

const [pass] = PASSES;
if (pass === undefined) throw new Error("no pass");

test("a fault of a role, of a state without a role, or none at all", () => {
  const { column, decision } = CONTROLS;
  const missing = 'ERROR:  column "total_cents" does not exist';
  const nothing = { replaced: [], others: { migrations: [] }, notes: [] };
  expect(signsOf(nothing, column)).toEqual([]);
  expect(signsOf({ ...nothing, others: { migrations: [missing, "a process ended"] } }, column)).toEqual([
    missing,
  ]);
  const replaced = [{ pass, role: "order", beside: null, after: ["saga 1 ended as COMPENSATED"] }] as const;
  expect(signsOf({ replaced, others: {}, notes: [] }, decision)).toEqual(["saga 1 ended as COMPENSATED"]);
  expect(signsOf({ replaced, others: {}, notes: [] }, column)).toEqual([]);
});

test("a control makes its mistake: in the schema, in the new binaries, or in the order of the steps", () => {
  const kinds = Object.entries(CONTROLS).map(([name, control]) => [
    name,
    "migration" in control,
    Object.keys(control.overrides).length > 0,
    control.passes.map(({ to, holding }) => `${to} ${holding.join()}`),
  ]);
  expect(kinds).toEqual([
    ["column", true, false, []],
    ["decision", false, true, ["new "]],
    ["start", false, true, ["new "]],
    ["table", false, false, ["new stripe", "old "]],
  ]);
});
