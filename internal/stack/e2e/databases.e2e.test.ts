// A database comes back with less than it had: from a standby that was behind, a backup, the archived log. The suites share one stack, which
// costs ten seconds of CPU, and run in this order: the last one leaves a database that archives its log.
import { afterAll, beforeAll, describe } from "bun:test";
import { failoversBehind } from "./failover-behind.suite.test.ts";
import { pointInTime } from "./point-in-time.suite.test.ts";
import { restores } from "./restore.suite.test.ts";
import { RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;

const held = new AsyncDisposableStack();
let system: RunningSystem;
beforeAll(async () => {
  system = held.use(await RunningSystem.start("databases"));
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

describe("a standby:", () => failoversBehind(() => system));
describe("a backup:", () => restores(() => system));
describe("the log:", () => pointInTime(() => system));
