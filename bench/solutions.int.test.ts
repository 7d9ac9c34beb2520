// Wrong arguments of the comparison are rejected before anything starts.
import { expect, test } from "bun:test";
import { join } from "node:path";

async function run(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), "solutions", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, output, errors };
}

test.each([
  [["--rate", "0"], "--rate takes a number above 0, not 0"],
  [["--kills", "many"], "--kills takes a number above 0, not many"],
  [["--latency", "slow"], "--latency must be fixed:MS, uniform:MS-MS or lognormal:MS-MS, not slow"],
  [["--only", "spreadsheet"], "--only must be one of monolith, dual writes, this product, not spreadsheet"],
  [["--sceonds", "3"], "--sceonds"],
])("%j", async (args, told) => {
  const { code, output, errors } = await run(...args);
  expect([code, output]).toEqual([2, ""]);
  expect(errors).toContain(told);
  expect(errors).toContain("see bun run bench solutions --help");
});
