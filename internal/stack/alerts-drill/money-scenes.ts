// Scenes with the payment provider.
import { setTimeout as pause } from "node:timers/promises";
import type { PaymentAlert } from "../../operations/payment-alert-store.ts";
import type { SagaStory } from "../../operations/saga-story.ts";
import type { Arena } from "./arena.ts";
import { nothingToLift, type Scene } from "./scene.ts";

const PROVIDER_ID_WITHIN_MS = 30_000;
const HOUR_MS = 60 * 60 * 1_000;
/** More requests without an answer than ProviderFails asks for. */
const HANGING_BURST = 60;
const WHY = ["--reason", "a drill of the alerts"] as const;

export const PROVIDER_SILENT: Scene = {
  cause: `the provider is paused, ${HANGING_BURST} checkouts arrive`,
  end: "it runs",
  alerts: [
    "ProviderBreakerOpen",
    "ProviderFails",
    "PaymentUnknown",
    "ReconciliationLate",
    "CheckoutsFail",
    "FailuresBurnFast",
    "FailuresBurn",
    "FailuresBurnSlowly",
  ],
  async inject(arena) {
    arena.signal("paysim", "SIGSTOP");
    await arena.burst(HANGING_BURST);
    return async () => arena.signal("paysim", "SIGCONT");
  },
};

export const PROVIDER_REJECTS: Scene = {
  cause:
    "the provider no longer knows a parameter of our charges, and answers 400; holds end while charges wait",
  end: "it knows it again",
  alerts: ["ChargesHeld", "ReservationsExpire"],
  async inject(arena) {
    await arena.providerFaults({ unknown_parameters: ["payment_method"] });
    return () => arena.providerFaults({});
  },
};

export const REFUNDS_FAIL: Scene = {
  cause: "the provider fails every refund, an operator cancels an order",
  end: "refunds work",
  alerts: ["OrderCancellationNeedsOperator", "OrderCancellationNeedsOperatorForHours"],
  async inject(arena) {
    const { order_id } = await arena.buy();
    await arena.providerFaults({ refunds_fail_until_ms: Date.now() + HOUR_MS });
    await arena.operator("order", "cancel", order_id ?? "", ...WHY);
    return () => arena.providerFaults({});
  },
};

export const CHARGED_BY_HAND: Scene = {
  cause: "a card is charged at the provider by hand, under our mark",
  end: "an operator closes the payment alert",
  alerts: ["PaymentAlertOpen"],
  async inject(arena) {
    const { addresses, secrets } = arena.system.context;
    const saga = crypto.randomUUID();
    const response = await fetch(`${addresses.paysim}/v1/payment_intents`, {
      method: "POST",
      headers: { authorization: `Bearer ${secrets.stripe_api_key}`, "idempotency-key": `drill-${saga}` },
      body: new URLSearchParams({
        amount: "1250",
        currency: "eur",
        payment_method: "pm_card_visa",
        confirm: "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[saga_id]": saga,
        "metadata[shop]": "checkout",
      }),
    });
    if (!response.ok) throw new Error(`the provider answered ${response.status}: ${await response.text()}`);
    return async () => {
      const open = await arena.system.operatorSees<readonly PaymentAlert[]>(["payments", "alerts"]);
      const own = open.filter(({ saga_id }) => saga_id === saga);
      for (const { alert_id } of own) await arena.operator("payments", "close", alert_id, ...WHY);
    };
  },
};

export const REFUND_COMES_BACK: Scene = {
  cause: "an order is cancelled and refunded, and the bank sends the refund back",
  end: "an operator refunds at the provider, and the ledgers are compared",
  alerts: ["RefundFailed"],
  async inject(arena) {
    const { saga_id, order_id } = await arena.buy();
    await arena.operator("order", "cancel", order_id ?? "", ...WHY);
    const refund = await providerIdOf(arena, saga_id, "refund");
    await happensLater(arena, { refund, status: "failed" });
    return async () => {
      const { addresses, secrets } = arena.system.context;
      const payment_intent = await providerIdOf(arena, saga_id, "payment");
      const headers = { authorization: `Bearer ${secrets.stripe_api_key}` };
      const body = new URLSearchParams({ payment_intent });
      const response = await fetch(`${addresses.paysim}/v1/refunds`, { method: "POST", headers, body });
      if (!response.ok) throw new Error(`the provider answered ${response.status}: ${await response.text()}`);
      await providerIdOf(arena, saga_id, "refund");
      await arena.operator("payments", "reconcile");
    };
  },
};

export const DISPUTED: Scene = {
  cause: "a shopper disputes a payment",
  end: "the dispute is won",
  alerts: ["DisputeOpen"],
  async inject(arena) {
    const { saga_id } = await arena.buy();
    await happensLater(arena, { payment_intent: await providerIdOf(arena, saga_id, "payment") });
    return async () => {
      const open = await arena.system.operatorSees<readonly PaymentAlert[]>(["payments", "alerts"]);
      const own = open.find((alert) => alert.saga_id === saga_id && alert.kind === "dispute");
      await happensLater(arena, { dispute: own?.subject, outcome: "won" });
    };
  },
};

/** The provider's id of the saga's charge or refund, once that is done. */
async function providerIdOf(arena: Arena, saga_id: string, kind: "payment" | "refund"): Promise<string> {
  for (const until = Date.now() + PROVIDER_ID_WITHIN_MS; Date.now() < until; await pause(200)) {
    const { money } = await arena.system.operatorSees<SagaStory>(["saga", "show", saga_id]);
    const row = money.find((one) => one.kind === kind);
    if (row?.provider_id !== undefined && row.provider_id !== null) return row.provider_id;
  }
  throw new Error(`the ${kind} of checkout ${saga_id} did not succeed in time`);
}

async function happensLater(arena: Arena, change: object): Promise<void> {
  const url = `${arena.system.context.addresses.paysim}/_sim/later`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(change) });
  if (!response.ok) throw new Error(`the simulator rejected ${JSON.stringify(change)}: ${response.status}`);
}

export const NOTHING: Scene = {
  cause: "none",
  end: "none: it never stops",
  alerts: ["Watchdog"],
  inject: () => Promise.resolve(nothingToLift),
};
