// The payment service as a process of its own: wiring only. Takes the saga's payment commands and carries them to the provider.
import { Type } from "@sinclair/typebox";
import { BackgroundLoop } from "../../internal/platform/background-loop.ts";
import {
  commonConfig,
  consumerConfig,
  postgresConfig,
  redisConfig,
  secret,
} from "../../internal/platform/config.ts";
import { newId, openDatabase, startConsuming, systemClock } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { createOpener } from "../../internal/platform/seal.ts";
import { StallWatch } from "../../internal/platform/stall-watch.ts";
import { DEFAULT_POLICY } from "../../internal/services/payment/attempts.ts";
import { Executor } from "../../internal/services/payment/executor.ts";
import { paymentHandler } from "../../internal/services/payment/handler.ts";
import {
  CircuitBreaker,
  CONSECUTIVE_TIMEOUTS,
  PROBE_AFTER_MS,
} from "../../internal/services/payment/providers/circuit-breaker.ts";
import { StripeProvider } from "../../internal/services/payment/providers/stripe.ts";
import { paymentMetrics } from "../../internal/services/payment/telemetry.ts";

/** The executor is woken by every intake; this finds what others left and what backs off. */
const POLL_MS = 250;

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...postgresConfig,
  ...redisConfig,
  STRIPE_BASE_URL: Type.String({
    format: "url",
    default: "https://api.stripe.com",
    description: "Stripe's API, or the simulator's",
  }),
  STRIPE_API_KEY: secret(Type.String({ minLength: 1, description: "secret key of the Stripe account" })),
  PAYMENT_PRIVATE_JWK: secret(
    Type.String({
      minLength: 2,
      description: "private key (JWK) that opens payment tokens; `checkoutctl keys generate` makes a pair",
    }),
  ),
  PROVIDER_CONCURRENCY: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 4_096,
    description:
      "calls of the provider at once; Bun opens 256 connections unless BUN_CONFIG_MAX_HTTP_REQUESTS says more",
  }),
  SEARCH_LAG_MS: Type.Integer({
    default: DEFAULT_POLICY.searchLagMs,
    minimum: 0,
    description: "after so long a charge is in the provider's search for certain, in milliseconds",
  }),
});

await runRole({
  name: "checkout-payment",
  description: "Charges, cancels and refunds: carries the saga's payment commands to the provider.",
  config,
  async start(context) {
    const { config: env, log, metrics: meter, resources } = context;
    const open = await createOpener(env.PAYMENT_PRIVATE_JWK);
    const metrics = paymentMetrics(meter);
    const database = await openDatabase("checkout-payment", context);
    const stripe = new StripeProvider({ apiKey: env.STRIPE_API_KEY, baseUrl: new URL(env.STRIPE_BASE_URL) });
    const stalls = new StallWatch();
    resources.defer("stall watch", () => stalls[Symbol.dispose]());
    const provider = new CircuitBreaker(stripe, {
      consecutiveTimeouts: CONSECUTIVE_TIMEOUTS,
      probeAfterMs: PROBE_AFTER_MS,
      wentOnAt: stalls.wentOnAt,
      onChange(state) {
        metrics.breakerOpen.set({}, state === "open" ? 1 : 0);
        log.warn({ provider: stripe.name, state }, `the provider's circuit breaker is ${state}`);
      },
    });
    const executor = new Executor({
      database,
      provider,
      open,
      clock: systemClock,
      newId,
      policy: { ...DEFAULT_POLICY, searchLagMs: env.SEARCH_LAG_MS },
      concurrency: env.PROVIDER_CONCURRENCY,
      metrics,
      log,
      onRoom: () => claims.wake(),
    });
    const claims = new BackgroundLoop({
      name: "payment executor",
      runOnce: () => executor.runOnce(),
      intervalMs: POLL_MS,
      fullBatch: env.PROVIDER_CONCURRENCY,
      log,
    });
    resources.use("provider calls", executor);
    resources.use("payment executor", claims).start();
    const wakeExecutor = () => claims.wake();
    await startConsuming(context, database, paymentHandler({ provider: provider.name, wakeExecutor }));
  },
});
