// promtool checks the alert rules and runs their unit tests, amtool the example for Alertmanager. The set-up fetches both
// (internal/tools/bootstrap.mjs).
import { expect, test } from "bun:test";
import { join } from "node:path";
import { RULE_FILES, RULES_FOLDER, TEST_FILES } from "./alert-rules.ts";
import { amtool, promtool } from "./promtool.ts";

/** Only a promtool that hangs reaches this: it computes days of samples, 30 s of one core. */
const RULES_TIMEOUT_MS = 600_000;

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

test.each([
  [{ severity: "page", alertname: "ChargesHeld" }, "pages"],
  [{ severity: "ticket", alertname: "SagaStuck" }, "tickets"],
  [{ severity: "ticket", alertname: "Watchdog" }, "watchdog"],
])("the example for Alertmanager sends %o to %s", async (labels, receiver) => {
  const file = `--config.file=${join(RULES_FOLDER, "alertmanager.yml")}`;
  const { code, output } = await amtool(
    "config",
    "routes",
    "test",
    file,
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
  );
  expect(code, output).toBe(0);
  // After it comes a warning of the tool about its own options.
  expect(output.split("\n")[0]).toBe(receiver);
});

test.each([...TEST_FILES])(
  "the rules fire, do not fire and stop as %s says",
  async (file) => {
    const { code, output } = await promtool(RULES_FOLDER, "test", "rules", file);
    expect(code, output).toBe(0);
    expect(output).toContain("SUCCESS");
  },
  RULES_TIMEOUT_MS,
);
