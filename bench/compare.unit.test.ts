// Comparisons of runs with known figures: medians, ratios and their meaning.
import { expect, test } from "bun:test";
import { compare, describeComparison } from "./compare.ts";
import { type RunRecord, readRuns } from "./record.ts";

const SAMPLE = readRuns(`${import.meta.dir}/report/sample-run.json`)[0];

/** The stored run with this number of orders per second. */
function runWith(ordersPerSecond: number, changes: Partial<RunRecord> = {}): RunRecord {
  if (SAMPLE === undefined) throw new Error("no stored run");
  return { ...SAMPLE, orders: { ...SAMPLE.orders, ordersPerSecond }, ...changes };
}

const ordersIn = (a: readonly number[], b: readonly number[]) =>
  compare(
    a.map((value) => runWith(value)),
    b.map((value) => runWith(value)),
  ).find(({ name }) => name === "orders finished");

test("a comparison has medians, their ratio, and the noise of each side", () => {
  expect(ordersIn([100, 90, 110], [200, 190, 250])).toMatchObject({
    a: 100,
    b: 200,
    ratio: 2,
    noiseA: 0.2,
    noiseB: 0.3,
    meaning: "better",
  });
});

test("fewer orders are worse, overlapping sides are unclear, and a single run has unknown noise", () => {
  expect(ordersIn([100, 110], [50, 60])?.meaning).toBe("worse");
  expect(ordersIn([100, 110], [105, 200])?.meaning).toBe("unclear");
  expect(ordersIn([100], [200])?.meaning).toBe("unknown");
  expect(ordersIn([100], [100])?.meaning).toBe("same");
});

test("a lower figure is better if less is better", () => {
  const cheaper = Object.fromEntries(Object.entries(runWith(100).cpuMs).map(([name, ms]) => [name, ms / 2]));
  const rows = compare(
    [runWith(100), runWith(100)],
    [runWith(100, { cpuMs: cheaper }), runWith(100, { cpuMs: cheaper })],
  );
  expect(rows.find(({ name }) => name === "CPU, ours")).toMatchObject({ meaning: "better" });
  expect(rows.find(({ name }) => name === "CPU, ours")?.ratio).toBeCloseTo(0.5, 5);
});

test("doubtful comparisons have warnings", () => {
  const busy = { ...runWith(1).machine, loadBefore: 50 };
  const elsewhere = { ...runWith(1).machine, model: "another" };
  const lines = describeComparison(
    [runWith(100, { machine: busy })],
    [runWith(120, { machine: elsewhere, options: { latency: "fixed:9" } })],
    false,
  ).join("\n");
  for (const words of ["different machines", "different options", "had other load", "noise is unknown"])
    expect(lines).toContain(words);
  expect(lines.replaceAll("│", "")).toMatch(/orders finished +\S+ +100 +120 +1\.20/);
});

test("two sides without a common scenario cannot be compared", () => {
  expect(() => describeComparison([runWith(1)], [runWith(1, { scenario: "other" })], false)).toThrow(
    "no scenario in common",
  );
});
