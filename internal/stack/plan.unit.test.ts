// What a planned stack tells its roles. Nothing is started.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlanOptions, planStack } from "./plan.ts";
import { roleEnvironment } from "./role-env.ts";
import { newSecrets } from "./secrets.ts";
import { DATABASES } from "./state.ts";

const dataDirectory = mkdtempSync(join(tmpdir(), "checkout-plan-test-"));
afterAll(() => rmSync(dataDirectory, { recursive: true }));

async function planned(prometheus: PlanOptions["prometheus"]) {
  let port = 1_000;
  return planStack({
    dataDirectory,
    ports: { next: () => port++, release: () => {} },
    secrets: await newSecrets(),
    brokers: 1,
    databases: DATABASES,
    // The binaries need not be built.
    roles: false,
    replicas: {},
    overrides: {},
    routes: {},
    advertised: {},
    prometheus,
  });
}

test("with Prometheus, the console asks the stack's Alertmanager which alerts fire", async () => {
  const { watchers, context } = await planned({});
  const alertmanager = watchers.find(({ name }) => name === "alertmanager")?.address;
  expect(alertmanager).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(roleEnvironment("console", context)["ALERTMANAGER_URL"]).toBe(alertmanager ?? "");
});

test("without it, the console is not told of any", async () => {
  const { watchers, context } = await planned(undefined);
  expect([watchers, Object.keys(roleEnvironment("console", context))]).toEqual([
    [],
    expect.not.arrayContaining(["ALERTMANAGER_URL"]),
  ]);
});
