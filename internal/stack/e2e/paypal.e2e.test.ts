// Payments by PayPal, on the compiled roles and real servers: approved, declined, refused and abandoned, and cards while PayPal is away. At the
// end comes the audit, which reads PayPal's ledger too.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { PaymentAction, SagaStatusView } from "../../../schemas/http.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, RunningSystem, UNIT_PRICE_CENTS } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 40_000;
/** Long enough for a shopper of a test, short enough to be waited for. */
const ACTION_MS = 8_000;

/** Table 1 of the saga takes the money at once, table 2 has it held until the stock is confirmed. */
describe.each([
  ["takes the money at once", "", []],
  ["has the money held first", "paypal", ["hold"]],
] as const)("PayPal %s", (_, authorizeFirst, held) => {
  const open = new AsyncDisposableStack();
  let system: RunningSystem;
  let shopper: Shopper;

  beforeAll(async () => {
    system = open.use(
      await RunningSystem.start(`paypal-${authorizeFirst === "" ? "charge" : "authorize"}`, {
        paysim: { LATENCY: "fixed:5" },
        orchestrator: { ACTION_DEADLINE_MS: String(ACTION_MS), AUTHORIZE_FIRST: authorizeFirst },
        payment: { RECONCILE_INTERVAL_MS: "1000", RECONCILE_GRACE_MS: "1000" },
      }),
    );
    shopper = await system.shopper();
  }, UP_TIMEOUT_MS);
  afterAll(() => open.disposeAsync(), UP_TIMEOUT_MS);

  async function placed(sku: string, method: string, shopper_present: boolean): Promise<string> {
    await system.restock(sku, 1);
    const request = { ...cartOf([sku], method, CURRENCY), shopper_present };
    return (await shopper.checkout(request, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS)).saga_id;
  }

  /** A checkout of one `sku` that waits for its payer, and PayPal's page. */
  async function asked(sku: string): Promise<{ readonly sagaId: string; readonly page: URL }> {
    const sagaId = await placed(sku, "paypal", true);
    let view: SagaStatusView | null = null;
    const isWaiting = async () => {
      view = existing((await shopper.look(sagaId, 0)) ?? null);
      return view.next_action !== undefined;
    };
    await waitUntil(`saga ${sagaId} waits for its payer`, isWaiting, { timeoutMs: PATIENCE_MS });
    const action: PaymentAction | null = await shopper.action(sagaId);
    if (action === null) throw new Error("the payment service knows no page");
    return { sagaId, page: new URL(action.url) };
  }

  /** The payer presses a button of PayPal's page; returns where it leads to, or the status if that is nowhere. */
  async function press(page: URL, answer: "approve" | "declined" | "refuse"): Promise<string> {
    const body = new URLSearchParams({ token: page.searchParams.get("token") ?? "", answer });
    const response = await fetch(new URL(page.pathname, page), { method: "POST", body, redirect: "manual" });
    return response.headers.get("location") ?? String(response.status);
  }

  const finished = async (sagaId: string) => existing(await shopper.status(sagaId, Date.now() + PATIENCE_MS));
  const ledgerKinds = async (sagaId: string) => (await system.ledgerOf(sagaId)).map(({ kind }) => kind);

  test(
    "approved: the payer comes back to the shop, and the order is made",
    async () => {
      const { sagaId, page } = await asked("approved");
      expect(page.href).toStartWith(`${system.context.addresses.paysim}/paypal/checkoutnow?token=`);
      expect(await ledgerKinds(sagaId)).toEqual([]);
      const back = await press(page, "approve");
      expect(back).toStartWith(
        `${system.context.addresses.gateway}/checkout/${sagaId}?redirect_status=approved&token=`,
      );
      await shopper.back(sagaId);
      const view = await finished(sagaId);
      expect(view).toMatchObject({ status: "COMPLETED", money: "taken", total_cents: UNIT_PRICE_CENTS });
      expect(await ledgerKinds(sagaId)).toEqual([...held, "charge"]);
      expect(await system.available("approved")).toBe(0);
    },
    PATIENCE_MS,
  );

  test(
    "approved without coming back: the look-ups find it",
    async () => {
      const { sagaId, page } = await asked("tab-closed");
      await press(page, "approve");
      expect(await finished(sagaId)).toMatchObject({ status: "COMPLETED", money: "taken" });
      expect(await ledgerKinds(sagaId)).toEqual([...held, "charge"]);
    },
    PATIENCE_MS,
  );

  test(
    "declined: nothing was taken, and the stock is back",
    async () => {
      const { sagaId, page } = await asked("declined");
      await press(page, "declined");
      await shopper.back(sagaId);
      expect(await finished(sagaId)).toMatchObject({
        status: "COMPENSATED",
        failure_code: "PAYMENT_METHOD_PROVIDER_DECLINE",
        money: "none",
      });
      expect(await ledgerKinds(sagaId)).toEqual([]);
      expect(await system.available("declined")).toBe(1);
    },
    PATIENCE_MS,
  );

  test(
    "refused and abandoned: the order is closed at PayPal, and a late approval takes nothing",
    async () => {
      const { sagaId, page } = await asked("refused");
      expect(await press(page, "refuse")).toContain("redirect_status=failed");
      expect(await finished(sagaId)).toMatchObject({
        status: "COMPENSATED",
        failure_code: "PAYMENT_NOT_CONFIRMED",
        money: "none",
        retryable: true,
      });
      await press(page, "approve");
      await shopper.back(sagaId);
      expect(await ledgerKinds(sagaId)).toEqual([]);
      expect(await system.available("refused")).toBe(1);
    },
    PATIENCE_MS,
  );

  test(
    "without a shopper at a browser it is declined",
    async () => {
      const sagaId = await placed("absent", "paypal", false);
      expect(await finished(sagaId)).toMatchObject({
        status: "COMPENSATED",
        failure_code: "AUTHENTICATION_REQUIRED",
      });
    },
    PATIENCE_MS,
  );

  test(
    "while PayPal does not answer, cards are charged as ever",
    async () => {
      const faults = `${system.context.addresses.paysim}/paypal/_sim/faults`;
      const set = (body: object) => fetch(faults, { method: "PUT", body: JSON.stringify(body) });
      await set({ unavailable_rate: 1 });
      const waiting = await placed("paypal-away", "paypal", true);
      const began = performance.now();
      const sagaId = await placed("by-card", "pm_card_visa", true);
      expect(await finished(sagaId)).toMatchObject({ status: "COMPLETED", money: "taken" });
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(await ledgerKinds(sagaId)).toEqual(["charge"]);
      await set({});
      const isWaiting = async () => (await shopper.look(waiting, 0))?.next_action !== undefined;
      await waitUntil("PayPal asks its payer", isWaiting, { timeoutMs: PATIENCE_MS });
      const action = await shopper.action(waiting);
      await press(new URL(action?.url ?? ""), "approve");
      await shopper.back(waiting);
      expect(await finished(waiting)).toMatchObject({ status: "COMPLETED", money: "taken" });
    },
    2 * PATIENCE_MS,
  );

  test(
    "the audit is clean",
    async () => {
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
    },
    PATIENCE_MS,
  );
});
