// Random checkouts: all kinds of carts and cards, some outdated prices, some addresses that are not served. Called by
// simulation.ts.
import type { StartSaga } from "../../../schemas/http.ts";
import { checkout } from "../orchestrator.ts";
import { between, chanceOf, pick } from "../../kernel/random.ts";

/** Not served, so its orders are rejected after the charge. */
export const NOT_SERVED = "KP";

/** Prices without decimals, with three decimals, without decimals but in hundredths at the provider, and zero. */
export const PRICES = {
  sencha: { amount_cents: 50_000, currency: "JPY" },
  oud: { amount_cents: 1_860, currency: "KWD" },
  skyr: { amount_cents: 490, currency: "ISK" },
  gift: { amount_cents: 0, currency: "EUR" },
} as const;
type PricedSku = keyof typeof PRICES;
const ODD: readonly PricedSku[] = ["sencha", "oud", "skyr", "gift"];

const CARDS = [
  ...Array<string>(8).fill("pm_card_visa"),
  "pm_card_visa_chargeDeclined",
  "pm_card_threeDSecure2Required",
  "pm_card_threeDSecureRequiredChargeDeclined",
  "pm_sim_reply_lost",
  "pm_sim_500_once",
  "pm_sim_500_after_effect",
  "pm_sim_500_stored",
  "pm_sim_refund_reply_lost",
  "pm_sim_refund_500_once",
];
const ADDRESS = { name: "Ada", line1: "Street 1", city: "Town", postal_code: "1000" };

export interface Shoppers {
  /** Whether a bank may ask them. */
  readonly mayBePresent: boolean;
  /** Whether half of them pay with PayPal. */
  readonly mayPayWithPayPal: boolean;
}

/** A checkout that only a fault can stop: there is plenty of its product, its card pays, and its address is served. */
export async function sureShopper(seal: (token: string) => Promise<string>): Promise<StartSaga> {
  return checkout({
    items: [{ sku_id: "pot", quantity: 1 }],
    payment_method: await seal("pm_card_visa"),
    shipping_address: { ...ADDRESS, country: "DE" },
  });
}

/** One checkout, its card sealed by `seal`. */
export async function shopper(
  random: () => number,
  seal: (token: string) => Promise<string>,
  { mayBePresent, mayPayWithPayPal }: Shoppers,
): Promise<StartSaga> {
  const odd = chanceOf(random, 0.3) ? pick(random, ODD) : null;
  const lines = Array.from({ length: between(random, 1, 3) }, () => ({
    sku_id: odd ?? pick(random, ["tea", "cup", "pot"]),
    quantity: between(random, 1, 3),
  }));
  const isPayPal = mayPayWithPayPal && chanceOf(random, 0.5);
  return checkout({
    currency: odd === null ? "EUR" : PRICES[odd].currency,
    // A SKU may come twice, and in any order.
    items: lines,
    payment_method: await seal(isPayPal ? "paypal" : pick(random, CARDS)),
    ...(isPayPal ? { provider: "paypal" } : {}),
    shipping_address: { ...ADDRESS, country: chanceOf(random, 0.15) ? NOT_SERVED : "DE" },
    ...(chanceOf(random, 0.7) && mayBePresent ? { shopper_present: true } : {}),
    ...(chanceOf(random, 0.1) ? { expected_total_cents: 1 } : {}),
  });
}
