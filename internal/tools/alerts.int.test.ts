// promtool checks the alert rules and runs their unit tests, amtool the example for Alertmanager. The set-up fetches both
// (internal/tools/bootstrap.mjs).
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RULE_FILES, RULES_FOLDER, TEST_FILES } from "./alert-rules.ts";
import { amtool, promtool } from "./promtool.ts";
import { narrowTests, type OneTest, wideTests } from "./rule-tests.ts";

/** Only a promtool that hangs reaches this: it computes days of samples. */
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
    const { code, output } = await runTests(await narrowTests(file));
    expect(code, output).toBe(0);
    expect(output).toContain("SUCCESS");
    expect(output).not.toContain("FAILED");
  },
  RULES_TIMEOUT_MS,
);

test.each([...TEST_FILES])(
  "no rule fails with the series of any test of %s",
  async (file) => {
    const { code, output } = await runTests(await wideTests(file));
    expect(code, output).toBe(0);
  },
  RULES_TIMEOUT_MS,
);

test("a test that expects something else fails", async () => {
  const [first] = await narrowTests("alerts.test.yml");
  if (first === undefined) throw new Error("no test");
  const wrong = {
    ...first,
    test: (name: string) => first.test(name).replace('"exp_alerts":[]', '"exp_alerts":[{}]'),
  };
  const { code, output } = await runTests([wrong]);
  expect(code).not.toBe(0);
  expect(output).toContain("FAILED");
});

/** In one run of promtool. */
async function runTests(tests: readonly OneTest[]) {
  using folder = temporaryFolder();
  const names = tests.map((one, index) => {
    writeFileSync(join(folder.path, `${index}.yml`), one.rules);
    writeFileSync(join(folder.path, `${index}.test.yml`), one.test(`${index}.yml`));
    return `${index}.test.yml`;
  });
  return await promtool(folder.path, "test", "rules", ...names);
}

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "rule-tests-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
