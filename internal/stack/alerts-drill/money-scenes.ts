// Scenes with the payment provider.
import type { PaymentAlert } from "../../operations/payment-alert-store.ts";
import { nothingToLift, type Scene } from "./scene.ts";

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

export const NOTHING: Scene = {
  cause: "none",
  end: "none: it never stops",
  alerts: ["Watchdog"],
  inject: () => Promise.resolve(nothingToLift),
};
