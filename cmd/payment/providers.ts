// Opens the payment providers, each with its rate limit, charge hold and circuit breaker, and the keys that open payment tokens.
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
import { ProviderRegistry, type ServedProvider } from "../../internal/services/payment/providers/registry.ts";
import { stripeWebhooks } from "../../internal/services/payment/providers/stripe/stripe-events.ts";
import { StripeLedger } from "../../internal/services/payment/providers/stripe/stripe-ledger.ts";
import { StripeProvider } from "../../internal/services/payment/providers/stripe/stripe.ts";
import { WatchedProvider } from "../../internal/services/payment/providers/watched-provider.ts";
import { holdMessage, logRefusal, type PaymentMetrics } from "../../internal/services/payment/telemetry.ts";
import type { PaymentConfig } from "./config.ts";

type Context = RoleContext<PaymentConfig>;

export function openProviders(context: Context, metrics: PaymentMetrics): ProviderRegistry<ServedProvider> {
  return new ProviderRegistry([openStripe(context, metrics)]);
}

/** Stripe behind its rate limit (pace), charge hold and circuit breaker. */
function openStripe({ config, log, resources }: Context, metrics: PaymentMetrics): ServedProvider {
  const mark = config.PAYMENT_MARK;
  const account = { apiKey: config.STRIPE_API_KEY, mark, baseUrl: new URL(config.STRIPE_BASE_URL) };
  // Without the internal API no shopper would ever get to the bank's page.
  const shop = config.INTERNAL_PORT === undefined ? undefined : config.SHOP_URL;
  if (shop === undefined)
    log.warn(
      {},
      "SHOP_URL or INTERNAL_PORT is not set: payments that the bank wants confirmed (3-D Secure) are declined",
    );
  const stripe = new StripeProvider(shop === undefined ? account : { ...account, shopUrl: new URL(shop) });
  const provider = stripe.name;
  // From the start on, so that an alert rule finds them.
  metrics.chargesHeld.set({ provider }, 0);
  metrics.breakerOpen.set({ provider }, 0);
  metrics.foreign.inc({ provider }, 0);
  const stalls = new StallWatch();
  resources.defer("stall watch", () => stalls[Symbol.dispose]());
  const pace = new Pace();
  const hold = new ChargeHold((isHeld) => {
    metrics.chargesHeld.set({ provider }, isHeld ? 1 : 0);
    log.error({ provider, held: isHeld }, holdMessage(isHeld));
  });
  const guarded = new CircuitBreaker(
    new WatchedProvider(stripe, { pace, hold, onRefused: logRefusal(log) }),
    {
      consecutiveTimeouts: CONSECUTIVE_TIMEOUTS,
      probeAfterMs: PROBE_AFTER_MS,
      resumedAt: stalls.resumedAt,
      onChange(state) {
        metrics.breakerOpen.set({ provider }, state === "open" ? 1 : 0);
        log.warn({ provider, state }, `the provider's circuit breaker is ${state}`);
      },
    },
  );
  return {
    provider: guarded,
    ledger: new StripeLedger(account),
    webhooks: stripeWebhooks({ secrets: config.STRIPE_WEBHOOK_SECRET.split(","), mark }),
    pace,
    hold,
    concurrency: config.PROVIDER_CONCURRENCY,
    host: account.baseUrl.hostname,
    policy: { ...DEFAULT_POLICY, searchLagMs: config.SEARCH_LAG_MS, executionMs: config.CHARGE_EXECUTION_MS },
  };
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
