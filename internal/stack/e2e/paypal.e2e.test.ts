// Payments by PayPal, on the compiled roles and real servers: what its page and its events do, cards while PayPal is away, and then both
// providers in one crowd (mixed.suite.test.ts). At the end comes the audit, which reads PayPal's ledger too.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cartOf, Refused, type Shopper } from "../../../bench/shopper.ts";
import type { PaymentAction } from "../../../schemas/http.ts";
import { waitUntil } from "../wait.ts";
import { mixed, press, setFaults } from "./mixed.suite.test.ts";
import { NOT_SERVED, type Provider } from "./mixed-plan.ts";
import { CURRENCY, existing, RunningSystem, UNIT_PRICE_CENTS } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 50_000;
const TEST_TIMEOUT_MS = 2 * PATIENCE_MS;
/** The payment service looks 5 s and 20 s after the order was made whether it is approved: both come before the end. */
const ACTION_MS = 25_000;

const open = new AsyncDisposableStack();
let system: RunningSystem;
let shopper: Shopper;
/** Of this provider the money is held first (table 2 of the saga), of the other it is taken at once (table 1). */
let heldFirst: Provider = "stripe";

beforeAll(async () => {
  system = open.use(
    await RunningSystem.startWith("paypal", {
      overrides: {
        paysim: { LATENCY: "fixed:5" },
        orchestrator: { ACTION_DEADLINE_MS: String(ACTION_MS) },
        order: { ORDER_BLOCKED_COUNTRIES: NOT_SERVED },
        payment: { RECONCILE_INTERVAL_MS: "1000", RECONCILE_GRACE_MS: "1000" },
      },
      changes: (role) => (role === "orchestrator" ? { AUTHORIZE_FIRST: heldFirst } : {}),
    }),
  );
  shopper = await system.shopper();
}, UP_TIMEOUT_MS);
afterAll(() => open.disposeAsync(), UP_TIMEOUT_MS);

async function holdFirst(provider: Provider): Promise<void> {
  heldFirst = provider;
  await system.stack.restart("orchestrator");
}

async function placed(sku: string, method: string, shopper_present: boolean): Promise<string> {
  await system.restock(sku, 1);
  const request = { ...cartOf([sku], method, CURRENCY), shopper_present };
  return (await shopper.checkout(request, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS)).saga_id;
}

/** PayPal's page of a checkout that waits for its payer. */
async function pageOf(sagaId: string): Promise<string> {
  const isWaiting = async () => (await shopper.look(sagaId, 0))?.next_action !== undefined;
  await waitUntil(`saga ${sagaId} waits for its payer`, isWaiting, { timeoutMs: PATIENCE_MS });
  const action: PaymentAction | null = await shopper.action(sagaId);
  if (action === null) throw new Error("the payment service knows no page");
  return action.url;
}

const finished = async (sagaId: string) => existing(await shopper.status(sagaId, Date.now() + PATIENCE_MS));
const ledgerKinds = async (sagaId: string) => (await system.ledgerOf(sagaId)).map(({ kind }) => kind);

/** How many of PayPal's and Stripe's events the payment service answered with this result. */
async function events(result: string): Promise<number> {
  const metrics = await (await fetch(`${system.context.addresses.ops["payment"]}/metrics`)).text();
  const pattern = new RegExp(`^checkout_payment_webhooks_total\\{.*result="${result}".*\\} (\\d+)$`, "m");
  return Number(pattern.exec(metrics)?.[1] ?? 0);
}

test(
  "approved: the payer comes back to the shop, and the order is made",
  async () => {
    const sagaId = await placed("approved", "paypal", true);
    const page = await pageOf(sagaId);
    const { paysim, gateway } = system.context.addresses;
    expect(page).toStartWith(`${paysim}/paypal/checkoutnow?token=`);
    expect(await ledgerKinds(sagaId)).toEqual([]);
    expect(await press(page, "approve")).toStartWith(
      `${gateway}/checkout/${sagaId}?redirect_status=approved&token=`,
    );
    await shopper.back(sagaId);
    const view = await finished(sagaId);
    expect(view).toMatchObject({ status: "COMPLETED", money: "taken", total_cents: UNIT_PRICE_CENTS });
    expect(await ledgerKinds(sagaId)).toEqual(["charge"]);
    expect(await system.available("approved")).toBe(0);
  },
  TEST_TIMEOUT_MS,
);

/** How often the payment service has made an order at PayPal, or looked whether one is approved. */
async function asked(): Promise<number> {
  const metrics = await (await fetch(`${system.context.addresses.ops["payment"]}/metrics`)).text();
  const counts = metrics.matchAll(
    /^checkout_payment_provider_results_total\{(?=[^}]*provider="paypal")(?=[^}]*request="charge")[^}]*\} (\d+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** A payer who approves and never comes back: PayPal's event has the order looked up, or the payment service does so later by itself. */
async function approvedFromAfar(sku: string): Promise<{ readonly sagaId: string; readonly settled: number }> {
  const [before, askedBefore] = [await events("settled"), await asked()];
  const sagaId = await placed(sku, "paypal", true);
  const page = await pageOf(sagaId);
  // The next look comes 15 s after the first: until then only the event can tell.
  const isLookedUp = async () => (await asked()) >= askedBefore + 2;
  await waitUntil("it was made and looked up", isLookedUp, { timeoutMs: PATIENCE_MS });
  await press(page, "approve");
  expect(await finished(sagaId)).toMatchObject({ status: "COMPLETED", money: "taken" });
  return { sagaId, settled: (await events("settled")) - before };
}

test(
  "approved without coming back: PayPal's event has the money taken",
  async () => {
    const { sagaId, settled } = await approvedFromAfar("tab-closed");
    expect(settled).toBeGreaterThan(0);
    expect(await ledgerKinds(sagaId)).toEqual(["charge"]);
  },
  TEST_TIMEOUT_MS,
);

test("every event of the simulator has a signature that counts, and a stranger's has none", async () => {
  const { payment } = system.context.addresses;
  expect(await events("refused")).toBe(0);
  const body = JSON.stringify({ id: "WH-1", event_type: "CHECKOUT.ORDER.APPROVED", resource: {} });
  const headers = { "content-type": "application/json", "paypal-auth-algo": "SHA256withRSA" };
  const answer = await fetch(`${payment}/webhooks/paypal`, { method: "POST", headers, body });
  expect([answer.status, await events("refused")]).toEqual([400, 1]);
});

test(
  "without a shopper at a browser it is declined",
  async () => {
    const sagaId = await placed("absent", "paypal", false);
    expect(await finished(sagaId)).toMatchObject({
      status: "COMPENSATED",
      failure_code: "AUTHENTICATION_REQUIRED",
    });
  },
  TEST_TIMEOUT_MS,
);

test("in a currency that PayPal does not take, the checkout is refused at once", async () => {
  await system.restock("dinars", 1, { amount_cents: 4_320, currency: "KWD" });
  const request = { ...cartOf(["dinars"], "paypal", "KWD"), shopper_present: true };
  const refused: unknown = await shopper
    .checkout(request, Bun.randomUUIDv7(), Date.now())
    .catch((error: unknown) => error);
  if (!(refused instanceof Refused)) throw new Error("the checkout was not refused");
  expect(refused.problem).toMatchObject({
    status: 422,
    errors: [{ path: "/payment_method", message: expect.stringContaining("PayPal does not take KWD") }],
  });
  expect(await system.available("dinars")).toBe(1);
});

test(
  "while PayPal does not answer, cards are charged as ever",
  async () => {
    const control = `${system.context.addresses.paysim}/paypal/_sim`;
    await setFaults(control, { unavailable_rate: 1 });
    const waiting = await placed("paypal-away", "paypal", true);
    const sagaId = await placed("by-card", "pm_card_visa", true);
    expect(await finished(sagaId)).toMatchObject({ status: "COMPLETED", money: "taken" });
    expect(await ledgerKinds(sagaId)).toEqual(["hold", "charge"]);
    const view = await shopper.look(waiting, 0);
    expect([view?.status, view?.next_action]).toEqual(["INVENTORY_RESERVED", undefined]);
    await setFaults(control, {});
    await press(await pageOf(waiting), "approve");
    await shopper.back(waiting);
    expect(await finished(waiting)).toMatchObject({ status: "COMPLETED", money: "taken" });
  },
  TEST_TIMEOUT_MS,
);

describe("cards and PayPal together:", () => mixed({ system: () => system, holdFirst }));

test(
  "held first and approved without coming back: PayPal's event has the money held, and it is taken",
  async () => {
    expect(heldFirst).toBe("paypal");
    const { sagaId, settled } = await approvedFromAfar("tab-closed-held");
    expect(settled).toBeGreaterThan(0);
    expect(await ledgerKinds(sagaId)).toEqual(["hold", "charge"]);
  },
  TEST_TIMEOUT_MS,
);

test(
  "the audit is clean",
  async () => {
    expect(await system.audit()).toEqual({ code: 0, violations: [] });
  },
  TEST_TIMEOUT_MS,
);
