// Charges a card with Stripe's official SDK, as in its quick start. Used by both baselines.
import { Stripe } from "stripe";

const TIMEOUT_MS = 10_000;

export interface Charge {
  readonly amountCents: number;
  readonly currency: string;
  readonly card: string;
  /** Names the checkout in the provider's dashboard. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Makes a second call for the same checkout the same charge. */
  readonly idempotencyKey: string;
}

/** Whether the money moved. Throws if the result is unknown. */
export type ChargeCard = (charge: Charge) => Promise<"charged" | "declined">;

/**
 * `withKeys` false omits the key, as first versions often do. The SDK then creates one per call, which only protects its own
 * retries.
 */
export function cardCharger(providerUrl: string, withKeys: boolean): ChargeCard {
  const { hostname, port } = new URL(providerUrl);
  const stripe = new Stripe("sk_test_baseline", {
    host: hostname,
    port: Number(port),
    protocol: "http",
    timeout: TIMEOUT_MS,
    telemetry: false,
  });
  return async ({ amountCents, currency, card, metadata, idempotencyKey }) => {
    try {
      await stripe.paymentIntents.create(
        {
          amount: amountCents,
          currency: currency.toLowerCase(),
          payment_method: card,
          confirm: true,
          automatic_payment_methods: { enabled: true, allow_redirects: "never" },
          metadata,
        },
        withKeys ? { idempotencyKey } : {},
      );
      return "charged";
    } catch (error) {
      if (error instanceof Stripe.errors.StripeCardError) return "declined";
      throw error;
    }
  };
}
