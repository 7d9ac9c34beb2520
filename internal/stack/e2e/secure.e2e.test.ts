// A stack with `--secure`: everything is encrypted, and everybody has an account of their own. The suites share one stack, which costs ten
// seconds of CPU, and run in this order.
import { afterAll, beforeAll, describe } from "bun:test";
import { kafkaAccess } from "./kafka-access.suite.test.ts";
import { leastPrivilege } from "./least-privilege.suite.test.ts";
import { RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;

const held = new AsyncDisposableStack();
let system: RunningSystem;
beforeAll(async () => {
  const overrides = {
    paysim: { LATENCY: "fixed:5" },
    orchestrator: { FORWARD_DEADLINE_MS: "100000" },
    // So that the relay has its part, too.
    order: { PUBLISH_AFTER_COMMIT: "false" },
  };
  system = held.use(await RunningSystem.startWith("secure", { overrides, secure: true, sentinel: true }));
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

describe("least privilege:", () => leastPrivilege(() => system));
describe("Kafka with accounts:", () => kafkaAccess(() => system));
