// Every scenario of `bun run bench` for a second on one stack, so that none of them rots. The figures mean nothing here.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunRecord } from "../../../bench/record.ts";
import { SCENARIOS } from "../../../bench/scenarios.ts";
import { runScenarios } from "../../../bench/session.ts";
import { RunningSystem } from "./running-system.ts";

/** Two minutes alone. */
const TIMEOUT_MS = 600_000;

const held = new AsyncDisposableStack();
let runs: readonly RunRecord[];
let isClean: boolean;

beforeAll(async () => {
  const system = held.use(await RunningSystem.start("scenarios"));
  const directory = mkdtempSync(join(tmpdir(), "scenarios-"));
  held.defer(() => rmSync(directory, { recursive: true, force: true }));
  const common = {
    stack: system.stack.dataDirectory,
    warmUpSeconds: 0,
    measuredSeconds: 1,
    orders: 50,
    command: "a test",
    say: () => undefined,
  };
  // Faster than a cold system is, so that the ramp has few steps.
  const ramp = await runScenarios({ ...common, scenarios: ["ramp"], ratePerSecond: 400 });
  // Neighbours without wishes of their own are measured by one Java tool and audited once.
  const scenarios = Object.keys(SCENARIOS)
    .filter((name) => name !== "ramp")
    .toSorted((one, other) => Number(hasWishes(one)) - Number(hasWishes(other)));
  const others = await runScenarios({ ...common, scenarios, ratePerSecond: 20 });
  runs = [...ramp.runs, ...others.runs];
  isClean = ramp.isClean && others.isClean;
}, TIMEOUT_MS);
afterAll(() => held.disposeAsync(), TIMEOUT_MS);

/** About its stack. Here all share one. */
function hasWishes(name: string): boolean {
  const { up, isCold, latency } = SCENARIOS[name] ?? {};
  return up !== undefined || isCold === true || latency !== undefined;
}

test.each(Object.keys(SCENARIOS))("%s runs and leaves a record", (name) => {
  const record = runs.find(({ scenario }) => scenario === name);
  expect(record).toBeDefined();
  expect(record?.orders.unfinished).toBe(0);
  expect(record?.isAuditClean).toBe(true);
});

test("nothing is lost and the audit is clean", () => {
  expect(isClean).toBe(true);
});
