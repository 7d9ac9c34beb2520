// Charging a card with Stripe's official SDK, as its quick start shows it. Used by both baselines.
import { Stripe } from "stripe";

const TIMEOUT_MS = 10_000;

export interface Charge {
  readonly amountCents: number;
  readonly currency: string;
  readonly card: string;
  /** Names the checkout, so that people find it in the provider's dashboard. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What makes a second call for the same checkout the same charge. */
  readonly idempotencyKey: string;
}

/** Whether the money moved. Throws where the provider does not tell. */
export type ChargeCard = (charge: Charge) => Promise<"charged" | "declined">;

/**
 * `withKeys` false leaves the key out, as a first version often does: the SDK then makes one up for each call, which protects its
 * own resends and nothing else.
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
