// The payment service as a process of its own: wiring only. Takes the saga's payment commands and carries them to the provider.
import { Type } from "@sinclair/typebox";
import { runLoop } from "../../internal/platform/background-loop.ts";
import {
  commonConfig,
  consumerConfig,
  publishingConfig,
  postgresConfig,
  redisConfig,
  secret,
  servedNamesConfig,
} from "../../internal/platform/config.ts";
import { newId, openDatabase, startConsuming, systemClock } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { publishAfterCommit } from "../../internal/platform/publishing.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { createOpener, keyIds } from "../../internal/platform/seal.ts";
import { serveHttp } from "../../internal/platform/serve-http.ts";
import { StallWatch } from "../../internal/platform/stall-watch.ts";
import { DEFAULT_POLICY } from "../../internal/services/payment/attempts.ts";
import { Executor } from "../../internal/services/payment/executor.ts";
import { paymentHandler } from "../../internal/services/payment/handler.ts";
import {
  CircuitBreaker,
  CONSECUTIVE_TIMEOUTS,
  PROBE_AFTER_MS,
} from "../../internal/services/payment/providers/circuit-breaker.ts";
import { ChargeHold } from "../../internal/services/payment/providers/charge-hold.ts";
import { Pace } from "../../internal/services/payment/providers/pace.ts";
import { WatchedProvider } from "../../internal/services/payment/providers/watched-provider.ts";
import { StripeLedger } from "../../internal/services/payment/providers/stripe-ledger.ts";
import { StripeProvider } from "../../internal/services/payment/providers/stripe.ts";
import { Reconciler } from "../../internal/services/payment/reconciliation/reconciler.ts";
import { paymentMetrics, tellHold, tellRefusal } from "../../internal/services/payment/telemetry.ts";
import { unopenedWords, WatchedOpener } from "../../internal/services/payment/watched-opener.ts";
import { webhookApi } from "../../internal/services/payment/webhook-http.ts";

/** The executor is woken by every intake; this finds what others left and what backs off. */
const POLL_MS = 250;
const IDLE_POLL_MS = 2_000;
/** How soon somebody notices that a reconciliation is due. */
const RECONCILIATION_TICK_MS = 5_000;

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...publishingConfig,
  ...postgresConfig,
  ...redisConfig,
  HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "address the webhook endpoint listens on; only /webhooks/ may be reachable from outside",
  }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: "port of the webhook endpoint" }),
  ...servedNamesConfig,
  STRIPE_BASE_URL: Type.String({
    format: "url",
    default: "https://api.stripe.com",
    description: "Stripe's API, or the simulator's",
  }),
  STRIPE_API_KEY: secret(Type.String({ minLength: 1, description: "secret key of the Stripe account" })),
  STRIPE_WEBHOOK_SECRET: secret(
    Type.String({ minLength: 16, description: "signing secret of the webhook endpoint, as Stripe shows it" }),
  ),
  PAYMENT_MARK: Type.String({
    default: "checkout",
    pattern: "^[A-Za-z0-9_.-]{1,40}$",
    description:
      "written beside every charge and refund (metadata `shop`); what lacks it is not this shop's. Give each shop that shares an account its own",
  }),
  PAYMENT_PRIVATE_JWK: secret(
    Type.String({
      minLength: 2,
      description:
        "private key (JWK) that opens payment tokens, or several as a JWK set while keys are exchanged; `checkoutctl keys generate` makes a pair",
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
  CHARGE_EXECUTION_MS: Type.Integer({
    default: DEFAULT_POLICY.executionMs,
    minimum: 0,
    description:
      "so long after it was asked for a charge may still take place, in milliseconds: only then, and SEARCH_LAG_MS later, does a charge that cannot be found let its saga be undone",
  }),
  RECONCILE_INTERVAL_MS: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    description: "how often the provider's ledger are compared with payments, in milliseconds",
  }),
  RECONCILE_GRACE_MS: Type.Integer({
    default: 300_000,
    minimum: 0,
    description: "what entered the provider's ledger so recently is not compared yet, in milliseconds",
  }),
});

await runRole({
  name: "checkout-payment",
  description: "Charges, cancels and refunds: carries the saga's payment commands to the provider.",
  config,
  async start(context) {
    const { config: env, log, metrics: meter, ops, resources, stopping } = context;
    const open = await createOpener(env.PAYMENT_PRIVATE_JWK);
    const ids = keyIds(env.PAYMENT_PRIVATE_JWK);
    log.info({ key_ids: ids }, "opens payment tokens that were sealed to these keys");
    const metrics = paymentMetrics(meter);
    const logError = logThrottled(log, systemClock);
    const opener = new WatchedOpener({
      open,
      clock: systemClock,
      meter,
      onUnopened: (error) => logError(error, { key_ids: ids }, unopenedWords(ids)),
    });
    ops.addCheck("sealing keys", () => opener.ready());
    const database = publishAfterCommit(
      await openDatabase("checkout-payment", "payment", context),
      "payment",
      context,
    );
    const account = {
      apiKey: env.STRIPE_API_KEY,
      mark: env.PAYMENT_MARK,
      baseUrl: new URL(env.STRIPE_BASE_URL),
    };
    const stripe = new StripeProvider(account);
    const stalls = new StallWatch();
    resources.defer("stall watch", () => stalls[Symbol.dispose]());
    const pace = new Pace();
    const hold = new ChargeHold((isHeld) => {
      metrics.chargesHeld.set({}, isHeld ? 1 : 0);
      log.error({ provider: stripe.name, held: isHeld }, tellHold(isHeld));
    });
    const onRefused = tellRefusal(log);
    const provider = new CircuitBreaker(new WatchedProvider(stripe, { pace, hold, onRefused }), {
      consecutiveTimeouts: CONSECUTIVE_TIMEOUTS,
      probeAfterMs: PROBE_AFTER_MS,
      resumedAt: stalls.resumedAt,
      onChange(state) {
        metrics.breakerOpen.set({}, state === "open" ? 1 : 0);
        log.warn({ provider: stripe.name, state }, `the provider's circuit breaker is ${state}`);
      },
    });
    const policy = {
      ...DEFAULT_POLICY,
      searchLagMs: env.SEARCH_LAG_MS,
      executionMs: env.CHARGE_EXECUTION_MS,
    };
    const shared = { database, clock: systemClock, newId, policy, metrics, log };
    const wakeExecutor = () => claims.wake();
    const executor = new Executor({
      ...shared,
      provider,
      pace,
      hold,
      open: opener.open,
      concurrency: env.PROVIDER_CONCURRENCY,
      onRoom: wakeExecutor,
    });
    resources.use("provider calls", executor);
    const claims = runLoop(context, {
      name: "payment executor",
      runOnce: () => executor.runOnce(),
      intervalMs: POLL_MS,
      idleIntervalMs: IDLE_POLL_MS,
    });

    const webhooks = webhookApi({
      ...shared,
      provider: provider.name,
      secret: env.STRIPE_WEBHOOK_SECRET,
      mark: env.PAYMENT_MARK,
      wakeExecutor,
      onError: (error) => logError(error, {}, "an event of the provider could not be taken in"),
    });
    const server = resources.use(
      "webhooks",
      serveHttp(webhooks, { hostname: env.HOST, port: env.PORT, names: env.SERVED_NAMES }),
    );
    log.info({ port: server.port }, "listening");

    const reconciler = new Reconciler({
      ...shared,
      ledger: new StripeLedger(account),
      intervalMs: env.RECONCILE_INTERVAL_MS,
      graceMs: env.RECONCILE_GRACE_MS,
      stopping,
    });
    runLoop(context, {
      name: "reconciliation",
      runOnce: () => reconciler.runOnce(),
      intervalMs: RECONCILIATION_TICK_MS,
    });

    await startConsuming(
      context,
      database,
      paymentHandler({ provider: provider.name, executor, wakeExecutor }),
    );
  },
});
