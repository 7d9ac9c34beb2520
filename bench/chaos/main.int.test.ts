// Wrong arguments are told before anything is started.
import { expect, test } from "bun:test";
import { join } from "node:path";

async function run(...args: string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, output, errors };
}

test.each([
  [["--faults", "many"], "--faults is a whole number, not many"],
  [["--only", "earthquake"], "no kind of fault is called earthquake"],
  [["--fault", "3"], "--fault"],
])("%j", async (args, told) => {
  const { code, output, errors } = await run(...args);
  expect([code, output]).toEqual([2, ""]);
  expect(errors).toContain(told);
  expect(errors).toContain("see bun run chaos --help");
  expect(errors.trim().split("\n")).toHaveLength(1);
});

test("--help lists every option and every kind of fault", async () => {
  const { code, output } = await run("--help");
  expect(code).toBe(0);
  for (const word of ["--seed", "--json", "--keep", "Kafka leader kill", "clock jump"])
    expect(output).toContain(word);
});
