// promtool checks the alert rules and runs their unit tests. The set-up fetches it (internal/tools/bootstrap.mjs).
import { expect, test } from "bun:test";
import { RULE_FILES, RULES_FOLDER, TEST_FILES } from "./alert-rules.ts";
import { promtool } from "./promtool.ts";

test("promtool finds nothing wrong with the rules and the example configuration", async () => {
  for (const args of [
    ["check", "rules", "--lint=all", "--lint-fatal", ...RULE_FILES],
    ["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"],
  ]) {
    const { code, output } = await promtool(RULES_FOLDER, ...args);
    expect(output).toContain("SUCCESS");
    expect(code, output).toBe(0);
  }
});

test.each([...TEST_FILES])("the rules fire, do not fire and stop as %s says", async (file) => {
  const { code, output } = await promtool(RULES_FOLDER, "test", "rules", file);
  expect(code, output).toBe(0);
  expect(output).toContain("SUCCESS");
});
