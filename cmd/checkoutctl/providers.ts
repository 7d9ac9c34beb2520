// The payment providers, for looking up charges. Opened by connections.ts. Nothing is charged from here, so the shop's mark stays empty.
import { PayPalLedger } from "../../internal/services/payment/providers/paypal/paypal-ledger.ts";
import { PayPalProvider } from "../../internal/services/payment/providers/paypal/paypal.ts";
import { TRANSACTION_LAG_MS } from "../../internal/services/payment/providers/paypal/paypal-transactions.ts";
import { type KnownProvider, ProviderRegistry } from "../../internal/services/payment/providers/registry.ts";
import { StripeLedger } from "../../internal/services/payment/providers/stripe/stripe-ledger.ts";
import { StripeProvider } from "../../internal/services/payment/providers/stripe/stripe.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { Settings } from "./settings.ts";

/** Throws CONFIG_INVALID for a missing setting of Stripe, or of PayPal if it has a client id. */
export function knownProviders(settings: Settings): ProviderRegistry<KnownProvider> {
  const apiKey = settings.need("STRIPE_API_KEY");
  const baseUrl = settings.optional("STRIPE_BASE_URL");
  const account = { apiKey, mark: "", ...(baseUrl === undefined ? {} : { baseUrl: new URL(baseUrl) }) };
  const stripe = {
    provider: new StripeProvider(account),
    ledger: new StripeLedger(account),
    ledgerLagMs: 0,
  };
  return new ProviderRegistry([stripe, ...payPal(settings)]);
}

/** None without its credentials. */
function payPal(settings: Settings): readonly KnownProvider[] {
  const clientId = settings.optional("PAYPAL_CLIENT_ID");
  if (clientId === undefined) return [];
  const clientSecret = settings.need("PAYPAL_CLIENT_SECRET");
  const baseUrl = settings.optional("PAYPAL_BASE_URL");
  const address = baseUrl === undefined ? {} : { baseUrl: new URL(baseUrl) };
  const account = { clientId, clientSecret, mark: "", ...address };
  const provider = new PayPalProvider({ ...account, clock: systemClock });
  return [{ provider, ledger: new PayPalLedger(account), ledgerLagMs: TRANSACTION_LAG_MS }];
}
