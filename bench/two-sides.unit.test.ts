// What the comparison of two sides says.
import { expect, test } from "bun:test";
import { ENCRYPTION } from "./encryption.ts";
import { type RunRecord, readRuns } from "./record.ts";
import { added } from "./two-sides.ts";

const [SAMPLE] = readRuns(`${import.meta.dir}/report/sample-run.json`);

/** The stored run, with every process this much dearer. */
function runWith(factor: number): RunRecord {
  if (SAMPLE === undefined) throw new Error("no stored run");
  const cpuMs = Object.fromEntries(Object.entries(SAMPLE.cpuMs).map(([name, ms]) => [name, ms * factor]));
  return { ...SAMPLE, cpuMs };
}

test("the medians of the rounds are compared", () => {
  const lines = added(ENCRYPTION, [1, 1, 5].map(runWith), [1.2, 9, 1.2].map(runWith));
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toEndWith("encrypted (20.0 % more)");
});
