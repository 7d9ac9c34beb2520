// Opens the payment providers, each with its rate limit, charge hold and circuit breaker, and the keys that open payment tokens.
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { createOpener, keyIds } from "../../internal/platform/seal.ts";
import { StallWatch } from "../../internal/platform/stall-watch.ts";
import { unopenedWords, WatchedOpener } from "../../internal/services/payment/attempts/watched-opener.ts";
import { DEFAULT_POLICY } from "../../internal/services/payment/attempts/attempts.ts";
import { ChargeHold } from "../../internal/services/payment/providers/charge-hold.ts";
import {
  CircuitBreaker,
  CONSECUTIVE_TIMEOUTS,
  PROBE_AFTER_MS,
} from "../../internal/services/payment/providers/circuit-breaker.ts";
import { Pace } from "../../internal/services/payment/providers/pace.ts";
import { Certificates } from "../../internal/services/payment/providers/paypal/paypal-certificates.ts";
import { paypalWebhooks } from "../../internal/services/payment/providers/paypal/paypal-events.ts";
import { PayPalLedger } from "../../internal/services/payment/providers/paypal/paypal-ledger.ts";
import { PAYPAL_POLICY } from "../../internal/services/payment/providers/paypal/paypal-policy.ts";
import { PayPalProvider } from "../../internal/services/payment/providers/paypal/paypal.ts";
import type { PaymentProvider } from "../../internal/services/payment/providers/provider.ts";
import { ProviderRegistry, type ServedProvider } from "../../internal/services/payment/providers/registry.ts";
import { stripeWebhooks } from "../../internal/services/payment/providers/stripe/stripe-events.ts";
import { StripeLedger } from "../../internal/services/payment/providers/stripe/stripe-ledger.ts";
import { StripeProvider } from "../../internal/services/payment/providers/stripe/stripe.ts";
import type { WebhookReader } from "../../internal/services/payment/providers/webhook-reader.ts";
import { WatchedProvider } from "../../internal/services/payment/providers/watched-provider.ts";
import { holdMessage, logRefusal, type PaymentMetrics } from "../../internal/services/payment/telemetry.ts";
import type { PaymentConfig } from "./config.ts";

type Context = RoleContext<PaymentConfig>;

export function openProviders(context: Context, metrics: PaymentMetrics): ProviderRegistry<ServedProvider> {
  const { log, config } = context;
  if (shopOf(config) === undefined)
    log.warn(
      {},
      "SHOP_URL or INTERNAL_PORT is not set: payments that a shopper must confirm (3-D Secure, PayPal) are declined",
    );
  const paypal = openPayPal(context, metrics);
  return new ProviderRegistry([openStripe(context, metrics), ...(paypal === null ? [] : [paypal])]);
}

/** Where shoppers come back to. Without the internal API no shopper would ever get to a page of the bank or of PayPal. */
function shopOf({ INTERNAL_PORT, SHOP_URL }: PaymentConfig): URL | undefined {
  return INTERNAL_PORT === undefined || SHOP_URL === undefined ? undefined : new URL(SHOP_URL);
}

function openStripe(context: Context, metrics: PaymentMetrics): ServedProvider {
  const { config } = context;
  const mark = config.PAYMENT_MARK;
  const account = { apiKey: config.STRIPE_API_KEY, mark, baseUrl: new URL(config.STRIPE_BASE_URL) };
  const shopUrl = shopOf(config);
  const stripe = new StripeProvider(shopUrl === undefined ? account : { ...account, shopUrl });
  return {
    ...guarded(context, metrics, stripe),
    ledger: new StripeLedger(account),
    webhooks: stripeWebhooks({ secrets: config.STRIPE_WEBHOOK_SECRET.split(","), mark }),
    host: account.baseUrl.hostname,
    policy: { ...DEFAULT_POLICY, searchLagMs: config.SEARCH_LAG_MS, executionMs: config.CHARGE_EXECUTION_MS },
    ledgerLagMs: 0,
  };
}

/** Null without its credentials. */
function openPayPal(context: Context, metrics: PaymentMetrics): ServedProvider | null {
  const { config } = context;
  const { PAYPAL_CLIENT_ID: clientId, PAYPAL_CLIENT_SECRET: clientSecret, PAYMENT_MARK: mark } = config;
  if (clientId === undefined || clientSecret === undefined) return null;
  const account = { clientId, clientSecret, mark, baseUrl: new URL(config.PAYPAL_BASE_URL) };
  const shopUrl = shopOf(config);
  const options = { ...account, clock: systemClock, ...(shopUrl === undefined ? {} : { shopUrl }) };
  const ledger = new PayPalLedger(account);
  return {
    ...guarded(context, metrics, new PayPalProvider(options)),
    ledger,
    webhooks: payPalReader(config, ledger),
    host: account.baseUrl.hostname,
    policy: {
      ...PAYPAL_POLICY,
      searchLagMs: config.PAYPAL_SEARCH_LAG_MS,
      executionMs: config.CHARGE_EXECUTION_MS,
    },
    ledgerLagMs: config.PAYPAL_SEARCH_LAG_MS,
  };
}

function payPalReader(config: PaymentConfig, ledger: PayPalLedger): WebhookReader {
  const {
    PAYPAL_WEBHOOK_ID: webhookId,
    PAYPAL_CERTIFICATE_ROOTS: file,
    PAYPAL_BASE_URL,
    PAYMENT_MARK: mark,
  } = config;
  if (webhookId === undefined) return { open: () => ({ kind: "refused" }) };
  const certificates = new Certificates({
    hosts: config.PAYPAL_CERTIFICATE_HOSTS.split(","),
    roots: file === undefined ? rootCertificates : [readFileSync(file, "utf8")],
    arePublic: file === undefined,
    // Only a simulator is reached without https.
    allowsHttp: new URL(PAYPAL_BASE_URL).protocol === "http:",
    clock: systemClock,
  });
  return paypalWebhooks({ webhookId, mark, certificates, ledger });
}

/** A provider behind its rate limit (pace), charge hold and circuit breaker. Nothing of them is shared with another provider. */
function guarded(
  { config, log, resources }: Context,
  metrics: PaymentMetrics,
  adapter: PaymentProvider,
): Pick<ServedProvider, "provider" | "pace" | "hold" | "concurrency"> {
  const provider = adapter.name;
  // From the start on, so that an alert rule finds them.
  metrics.chargesHeld.set({ provider }, 0);
  metrics.breakerOpen.set({ provider }, 0);
  metrics.foreign.inc({ provider }, 0);
  const stalls = new StallWatch();
  resources.defer(`stall watch of ${provider}`, () => stalls[Symbol.dispose]());
  const pace = new Pace();
  const hold = new ChargeHold((isHeld) => {
    metrics.chargesHeld.set({ provider }, isHeld ? 1 : 0);
    log.error({ provider, held: isHeld }, holdMessage(isHeld));
  });
  const watched = new WatchedProvider(adapter, { pace, hold, onRefused: logRefusal(log) });
  const breaker = new CircuitBreaker(watched, {
    consecutiveTimeouts: CONSECUTIVE_TIMEOUTS,
    probeAfterMs: PROBE_AFTER_MS,
    resumedAt: stalls.resumedAt,
    onChange(state) {
      metrics.breakerOpen.set({ provider }, state === "open" ? 1 : 0);
      log.warn({ provider, state }, `the provider's circuit breaker is ${state}`);
    },
  });
  return { provider: breaker, pace, hold, concurrency: config.PROVIDER_CONCURRENCY };
}

/** Opens payment tokens with the configured private keys. The role is not ready while tokens arrive that no key opens. */
export async function openTokens({ config, log, metrics, ops }: Context): Promise<WatchedOpener> {
  const ids = keyIds(config.PAYMENT_PRIVATE_JWK);
  log.info({ key_ids: ids }, "the payment service opens payment tokens sealed with these keys");
  const logError = logThrottled(log, systemClock);
  const opener = new WatchedOpener({
    open: await createOpener(config.PAYMENT_PRIVATE_JWK),
    clock: systemClock,
    meter: metrics,
    onUnopened: (error) => logError(error, { key_ids: ids }, unopenedWords(ids)),
  });
  ops.addCheck("sealing keys", () => opener.ready());
  return opener;
}
