// A bank that wants its shopper to confirm the payment (3-D Secure), on the compiled roles and real servers: confirmed, refused, and
// the shopper who never comes. At the end comes the audit. Called by checkouts.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { PaymentAction, SagaStatusView } from "../../../schemas/http.ts";
import { waitUntil } from "../wait.ts";
import type { RoleOverrides } from "../role-env.ts";
import { CURRENCY, existing, type RunningSystem, UNIT_PRICE_CENTS } from "./running-system.ts";

const PATIENCE_MS = 40_000;
/** Long enough for a shopper of a test, short enough to be waited for. */
const ACTION_MS = 8_000;
/** Shorter than the wait for the shopper: only the extension keeps the stock. */
const HOLD_MS = 4_000;
const CARD = "pm_card_threeDSecure2Required";

export const ACTION_REQUIRED: RoleOverrides = {
  orchestrator: { ACTION_DEADLINE_MS: String(ACTION_MS) },
  inventory: { RESERVATION_HOLD_MS: String(HOLD_MS), SWEEP_INTERVAL_MS: "200" },
  payment: { RECONCILE_INTERVAL_MS: "1000", RECONCILE_GRACE_MS: "1000" },
};

let system: RunningSystem;
let shopper: Shopper;
const secrets: string[] = [];

/** A checkout of one `sku` whose bank asks for the shopper, and the bank's page. */
async function asked(sku: string): Promise<{ readonly sagaId: string; readonly action: PaymentAction }> {
  await system.restock(sku, 1);
  const request = { ...cartOf([sku], CARD, CURRENCY), shopper_present: true };
  const { saga_id } = await shopper.checkout(request, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS);
  let view: SagaStatusView | null = null;
  const isWaiting = async () => {
    view = existing((await shopper.look(saga_id, 0)) ?? null);
    return view.next_action !== undefined;
  };
  await waitUntil(`saga ${saga_id} waits for its shopper`, isWaiting, { timeoutMs: PATIENCE_MS });
  expect(view).toMatchObject({ status: "INVENTORY_RESERVED", current_step: "charge", money: "unknown" });
  const action = await shopper.action(saga_id);
  if (action === null) throw new Error("the payment service knows no page");
  secrets.push(new URL(action.url).searchParams.get("client_secret")?.split("_secret_")[1] ?? "");
  return { sagaId: saga_id, action };
}

const finished = async (sagaId: string) => existing(await shopper.status(sagaId, Date.now() + PATIENCE_MS));
const ledgerKinds = async (sagaId: string) => (await system.ledgerOf(sagaId)).map(({ kind }) => kind);

/** Defines the tests. The roles have the settings ACTION_REQUIRED. */
export function actionRequired(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    shopper = await system.shopper();
  });

  test(
    "confirmed after the hold's first end: the order is made, and the shopper comes back to the shop",
    async () => {
      const { sagaId, action } = await asked("confirmed");
      const stranger = await system.shopper();
      expect([await stranger.action(sagaId), await stranger.back(sagaId)]).toEqual([null, false]);
      // More time comes once, from the owner, and the second press has the same answer.
      const before = (await shopper.look(sagaId, 0))?.next_action;
      expect([before?.extendable, await stranger.moreTime(sagaId)]).toEqual([true, null]);
      const extended = await shopper.moreTime(sagaId);
      expect(Date.parse(extended ?? "") - Date.parse(before?.expires_at ?? "")).toBe(ACTION_MS);
      expect(await shopper.moreTime(sagaId)).toBe(extended);
      const after = (await shopper.look(sagaId, 0))?.next_action;
      expect(after).toEqual({ kind: "redirect", expires_at: extended ?? "" });
      const holdEnded = Date.now() + HOLD_MS;
      await waitUntil("the first end of the hold is over", () => Date.now() > holdEnded, {
        timeoutMs: PATIENCE_MS,
      });
      const back = await shopper.answerBank(action, "confirm");
      expect(back).toStartWith(`${system.context.addresses.gateway}/checkout/${sagaId}?payment_intent=pi_`);
      await shopper.back(sagaId);
      const view = await finished(sagaId);
      expect(view).toMatchObject({ status: "COMPLETED", money: "taken", total_cents: UNIT_PRICE_CENTS });
      expect(view).not.toHaveProperty("next_action");
      expect(await ledgerKinds(sagaId)).toEqual(["action", "charge"]);
      expect([await shopper.action(sagaId), await shopper.moreTime(sagaId)]).toEqual([null, null]);
      expect(await system.available("confirmed")).toBe(0);
    },
    PATIENCE_MS,
  );

  test(
    "refused: the charge is cancelled, the stock is back, and the shopper may try again",
    async () => {
      const { sagaId, action } = await asked("refused");
      await shopper.answerBank(action, "refuse");
      const view = await finished(sagaId);
      expect(view).toMatchObject({
        status: "COMPENSATED",
        failure_code: "PAYMENT_INTENT_AUTHENTICATION_FAILURE",
        money: "none",
        retryable: true,
      });
      expect(await ledgerKinds(sagaId)).toEqual(["action", "decline", "cancel"]);
      expect(await system.available("refused")).toBe(1);
      const mail = await system.mailAbout(sagaId, "checkout_failed");
      expect(mail.source).toContain("not confirmed at your bank");
    },
    PATIENCE_MS,
  );

  test(
    "abandoned: the payment is cancelled first, the stock released after, and a late confirmation takes nothing",
    async () => {
      const { sagaId, action } = await asked("abandoned");
      const view = await finished(sagaId);
      expect(view).toMatchObject({
        status: "COMPENSATED",
        failure_code: "PAYMENT_NOT_CONFIRMED",
        money: "none",
        retryable: true,
      });
      expect(await ledgerKinds(sagaId)).toEqual(["action", "cancel"]);
      expect(await shopper.answerBank(action, "confirm")).toBeNull();
      expect(await ledgerKinds(sagaId)).toEqual(["action", "cancel"]);
      expect(await system.available("abandoned")).toBe(1);
    },
    PATIENCE_MS,
  );

  test(
    "the audit is clean, and no log holds the secret of a page",
    async () => {
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
      const folder = join(system.stack.dataDirectory, "logs");
      const logs = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
      expect(secrets).toHaveLength(3);
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(10);
        expect(logs.filter((text) => text.includes(secret))).toEqual([]);
      }
    },
    PATIENCE_MS,
  );
}
