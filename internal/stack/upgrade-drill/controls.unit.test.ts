// A mistake counts as noticed only by a fault that tells of it.
import { expect, test } from "bun:test";
import { CONTROLS, signsOf } from "./controls.ts";
import { PASSES } from "./passes.ts";

const [pass] = PASSES;
if (pass === undefined) throw new Error("no pass");

test("a fault of a role, of a state without a role, or none at all", () => {
  const { column, decision } = CONTROLS;
  const missing = 'ERROR:  column "total_cents" does not exist';
  const nothing = { replaced: [], others: { migrations: [] } };
  expect(signsOf(nothing, column)).toEqual([]);
  expect(signsOf({ ...nothing, others: { migrations: [missing, "a process ended"] } }, column)).toEqual([
    missing,
  ]);
  const replaced = [{ pass, role: "order", beside: null, after: ["saga 1 ended as COMPENSATED"] }] as const;
  expect(signsOf({ replaced, others: {} }, decision)).toEqual(["saga 1 ended as COMPENSATED"]);
  expect(signsOf({ replaced, others: {} }, column)).toEqual([]);
});

test("controls that act by the new binaries replace them, and those of the schema do not", () => {
  for (const control of Object.values(CONTROLS))
    expect([control.passes.length > 0, "migration" in control]).toEqual([
      Object.keys(control.overrides).length > 0,
      control.passes.length === 0,
    ]);
});
