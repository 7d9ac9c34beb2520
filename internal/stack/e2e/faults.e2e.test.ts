// Servers and roles that are away, and that are killed and come back. The suites share one stack, which costs ten seconds of CPU, and run in
// this order; between them, the roles whose settings differ start again.
import { afterAll, beforeAll, describe } from "bun:test";
import { KILLS, kills } from "./kill.suite.test.ts";
import { OUTAGES, outages } from "./outages.suite.test.ts";
import { RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;

const held = new AsyncDisposableStack();
let system: RunningSystem;
beforeAll(async () => {
  system = held.use(await RunningSystem.startWith("faults", {}, OUTAGES));
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

describe("outages:", () => outages(() => system));

describe("kills:", () => {
  beforeAll(() => system.changeTo(KILLS), UP_TIMEOUT_MS);
  kills(() => system);
});
