// promtool checks the alert rules and runs their unit tests. The set-up fetches it (internal/tools/bootstrap.mjs).
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../kernel/errors.ts";
import { CACHE } from "../stack/paths.ts";
import { RULE_FILES, RULES_FOLDER, TEST_FILES } from "./alert-rules.ts";

const PROMTOOL = join(CACHE, "prometheus-2.42/promtool");

/** The exit code, and everything it printed. */
async function promtool(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly output: string }> {
  assert(existsSync(PROMTOOL), `${PROMTOOL} is missing: run \`npm run setup\``);
  const child = Bun.spawn([PROMTOOL, ...args], { cwd: RULES_FOLDER, stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output: output + errors };
}

test("promtool finds nothing wrong with the rules and the example configuration", async () => {
  for (const args of [
    ["check", "rules", "--lint=all", "--lint-fatal", ...RULE_FILES],
    ["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"],
  ]) {
    const { code, output } = await promtool(...args);
    expect(output).toContain("SUCCESS");
    expect(code, output).toBe(0);
  }
});

test.each([...TEST_FILES])("the rules fire, do not fire and stop as %s says", async (file) => {
  const { code, output } = await promtool("test", "rules", file);
  expect(code, output).toBe(0);
  expect(output).toContain("SUCCESS");
});
