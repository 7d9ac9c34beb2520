// The verdict on what tracing costs.
import { expect, test } from "bun:test";
import { type RunRecord, readRuns } from "./record.ts";
import { budget } from "./tracing.ts";

const [SAMPLE] = readRuns(`${import.meta.dir}/report/sample-run.json`);

/** The stored run, with every process this much dearer. */
function runWith(factor: number): RunRecord {
  if (SAMPLE === undefined) throw new Error("no stored run");
  const cpuMs = Object.fromEntries(Object.entries(SAMPLE.cpuMs).map(([name, ms]) => [name, ms * factor]));
  return { ...SAMPLE, cpuMs };
}

test("3 % more CPU per order is within the budget, 4 % is not; the median of the rounds counts", () => {
  const off = [1, 1, 2].map(runWith);
  expect(budget(off, [1.02, 1.02, 9].map(runWith))).toMatchObject({ isMet: true, measured: "2.0 %" });
  expect(budget(off, [1.04, 1, 1.04].map(runWith))).toMatchObject({ isMet: false, measured: "4.0 %" });
});
