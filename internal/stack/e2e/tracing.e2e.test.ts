// One checkout is one trace over all roles, whatever happens on its way. On the compiled binaries, with a collector that takes what any
// collector takes.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { SagaStatusView } from "../../../schemas/http.ts";
import { orphansOf, TraceCollector, type CollectedSpan } from "../../testkit/trace-collector.ts";
import { tracedTo } from "../role-env.ts";
import { CURRENCY, existing, RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 60_000;
/** The tests retry for longer than a saga would wait by default. */
const FORWARD_DEADLINE_MS = 150_000;

const held = new AsyncDisposableStack();
const collector = held.use(new TraceCollector());
let system: RunningSystem;
let shopper: Shopper;

beforeAll(async () => {
  const overrides = {
    gateway: { TRACE_SAMPLE_RATIO: "1" },
    orchestrator: { FORWARD_DEADLINE_MS: String(FORWARD_DEADLINE_MS) },
  };
  system = held.use(await RunningSystem.start("tracing", tracedTo(collector.url, overrides)));
  shopper = await system.shopper();
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

const ROLES = ["gateway", "orchestrator", "inventory", "payment", "order", "notification"];

test("a checkout is one trace of all roles, and every span's parent is in it", async () => {
  const trace = await traceOf(await buy("tea"));
  expect(new Set(trace.map(({ role }) => role))).toEqual(new Set(ROLES.map((role) => `checkout-${role}`)));
  expect(orphansOf(trace)).toEqual([]);
  expect(rootsOf(trace)).toEqual(["checkout-gateway: POST /api/v1/checkout"]);
  expect(trace.length).toBeGreaterThanOrEqual(20);
  const names = new Set(trace.map(({ name }) => name));
  for (const name of [
    "saga intake",
    "send checkout-commands",
    "process checkout-commands ReserveInventory",
    "send inventory-events",
    "process inventory-events InventoryReserved",
    "POST charge",
    "process payment-events PaymentSucceeded",
    "process order-events OrderCreated",
    "send notification-commands",
    "process notification-commands SendNotification",
    "send mail",
  ])
    expect(names).toContain(name);
});

/** Buys one piece with a valid card. */
async function buy(sku: string): Promise<SagaStatusView> {
  await system.restock(sku, 10);
  const deadline = Date.now() + PATIENCE_MS;
  const { saga_id } = await shopper.checkout(
    cartOf([sku], "pm_card_visa", CURRENCY),
    Bun.randomUUIDv7(),
    deadline,
  );
  return existing(await shopper.status(saga_id, deadline));
}

/** The whole trace of a completed checkout: its last span is the mail's. */
async function traceOf({ saga_id }: Pick<SagaStatusView, "saga_id">): Promise<readonly CollectedSpan[]> {
  const { trace_id } = await system.story(saga_id);
  if (trace_id === null) throw new Error(`saga ${saga_id} keeps no trace`);
  return collector.untilTrace(
    trace_id,
    `the trace of saga ${saga_id} has its mail and no orphan`,
    (spans) => spans.some(({ name }) => name === "send mail") && orphansOf(spans).length === 0,
  );
}

function rootsOf(spans: readonly CollectedSpan[]): readonly string[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === "").map(({ role, name }) => `${role}: ${name}`);
}
