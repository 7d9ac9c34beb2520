// Checkouts to their ends: confirmed at the bank, undone, completed. The suites share one stack, which costs eight seconds of CPU, and run in
// this order: the last one stops it. Between them, the roles whose settings differ start again.
import { afterAll, beforeAll, describe } from "bun:test";
import { ACTION_REQUIRED, actionRequired } from "./action-required.suite.test.ts";
import { COMPENSATION, compensation } from "./compensation.suite.test.ts";
import { OUTCOMES, outcomes } from "./outcomes.suite.test.ts";
import { LATENCY, RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;

const held = new AsyncDisposableStack();
let system: RunningSystem;

beforeAll(async () => {
  system = held.use(
    await RunningSystem.startWith("checkouts", { overrides: { paysim: { LATENCY } } }, ACTION_REQUIRED),
  );
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

describe("a bank that asks for its shopper:", () => actionRequired(() => system));

describe("compensation:", () => {
  beforeAll(() => system.changeTo(COMPENSATION), UP_TIMEOUT_MS);
  compensation(() => system);
});

describe("outcomes:", () => {
  beforeAll(() => system.changeTo(OUTCOMES), UP_TIMEOUT_MS);
  outcomes(() => system);
});
