// Operators with a real browser (Chromium) at the whole system. The suites share one system, which costs eight seconds of CPU, and run in this
// order: the last one kills each server once.
import { afterAll, beforeAll, describe } from "bun:test";
import { RunningSystem } from "../../stack/e2e/running-system.ts";
import { TIMEOUT_MS } from "../../testkit/shop-browser.ts";
import { oidc } from "./oidc.suite.test.ts";
import { outages } from "./outages.suite.test.ts";
import { pages } from "./pages.suite.test.ts";

/** Longer than a test: a checkout waits until the test lets it go on. */
const FORWARD_DEADLINE_MS = "240000";

const held = new AsyncDisposableStack();
let system: RunningSystem;
beforeAll(async () => {
  system = held.use(await RunningSystem.start("console", { orchestrator: { FORWARD_DEADLINE_MS } }));
}, TIMEOUT_MS);
afterAll(() => held.disposeAsync(), TIMEOUT_MS);

describe("pages:", () => pages(() => system));
describe("an identity provider:", () => oidc(() => system));
describe("outages:", () => outages(() => system));
