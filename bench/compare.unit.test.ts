// What a comparison says of runs whose figures are known: medians, ratios, and which of them mean something.
import { expect, test } from "bun:test";
import { compare, describeComparison } from "./compare.ts";
import { type RunRecord, readRuns } from "./record.ts";

const SAMPLE = readRuns(`${import.meta.dir}/report/sample-run.json`)[0];

/** The stored run with as many orders a second. */
function runWith(ordersPerSecond: number, changes: Partial<RunRecord> = {}): RunRecord {
  if (SAMPLE === undefined) throw new Error("no stored run");
  return { ...SAMPLE, orders: { ...SAMPLE.orders, ordersPerSecond }, ...changes };
}

const ordersIn = (a: readonly number[], b: readonly number[]) =>
  compare(
    a.map((value) => runWith(value)),
    b.map((value) => runWith(value)),
  ).find(({ name }) => name === "orders finished");

test("medians of three, their ratio, and how far the runs of a side lie apart", () => {
  expect(ordersIn([100, 90, 110], [200, 190, 250])).toMatchObject({
    a: 100,
    b: 200,
    ratio: 2,
    noiseA: 0.2,
    noiseB: 0.3,
    meaning: "better",
  });
});

test("fewer orders are worse, sides that overlap tell nothing, one run of a side has unknown noise", () => {
  expect(ordersIn([100, 110], [50, 60])?.meaning).toBe("worse");
  expect(ordersIn([100, 110], [105, 200])?.meaning).toBe("unclear");
  expect(ordersIn([100], [200])?.meaning).toBe("unknown");
  expect(ordersIn([100], [100])?.meaning).toBe("same");
});

test("a figure that went down is better where less is better", () => {
  const cheaper = Object.fromEntries(Object.entries(runWith(100).cpuMs).map(([name, ms]) => [name, ms / 2]));
  const rows = compare(
    [runWith(100), runWith(100)],
    [runWith(100, { cpuMs: cheaper }), runWith(100, { cpuMs: cheaper })],
  );
  expect(rows.find(({ name }) => name === "CPU, ours")).toMatchObject({ meaning: "better" });
  expect(rows.find(({ name }) => name === "CPU, ours")?.ratio).toBeCloseTo(0.5, 5);
});

test("what makes a comparison doubtful is told", () => {
  const busy = { ...runWith(1).machine, loadBefore: 50 };
  const elsewhere = { ...runWith(1).machine, model: "another" };
  const lines = describeComparison(
    [runWith(100, { machine: busy })],
    [runWith(120, { machine: elsewhere, options: { latency: "fixed:9" } })],
    false,
  ).join("\n");
  for (const words of [
    "not one machine",
    "not run with the same options",
    "busy with something else",
    "noise is unknown",
  ])
    expect(lines).toContain(words);
  expect(lines.replaceAll("│", "")).toMatch(/orders finished +\S+ +100 +120 +1\.20/);
});

test("two sides without a scenario in common are no comparison", () => {
  expect(() => describeComparison([runWith(1)], [runWith(1, { scenario: "other" })], false)).toThrow(
    "no scenario in common",
  );
});
