// The payment service's work besides its commands, for each provider: calls, webhooks, reconciliation.
import { openAccess } from "../../internal/platform/access.ts";
import type { Database } from "../../internal/messaging/database.ts";
import { type BackgroundLoop, runLoop } from "../../internal/platform/background-loop.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { Executor, type ExecutorOptions } from "../../internal/services/payment/attempts/executor.ts";
import type { ProviderRegistry, ServedProvider } from "../../internal/services/payment/providers/registry.ts";
import {
  Reconciler,
  type ReconcilerOptions,
} from "../../internal/services/payment/reconciliation/reconciler.ts";
import { shopperApi, type ShopperApiOptions } from "../../internal/services/payment/shopper/shopper-http.ts";
import { webhookApi, type WebhookEndpoint } from "../../internal/services/payment/webhooks/webhook-http.ts";
import type { PaymentMetrics } from "../../internal/services/payment/telemetry.ts";
import { oldestHeld, oldestUnknown } from "../../internal/services/payment/unknown-store.ts";
import type { PaymentConfig } from "./config.ts";

type Context = RoleContext<PaymentConfig>;
type Providers = ProviderRegistry<ServedProvider>;

/** Each new command wakes an executor. Its polls find work that other replicas left, and due retries. */
const POLL_MS = 250;
const IDLE_POLL_MS = 2_000;
/** How soon a due reconciliation is noticed. */
const RECONCILIATION_TICK_MS = 5_000;
/** It alerts after a quarter of an hour. */
const UNKNOWN_INTERVAL_MS = 60_000;

export interface Executors {
  /** One of each provider. */
  readonly all: readonly Executor[];
  /** Makes all executors look for work. */
  wake(): void;
}

/** Sends due calls to each provider, within its limits. */
export function startExecutors(
  context: Context,
  providers: Providers,
  options: Pick<ExecutorOptions, "database" | "clock" | "newId" | "metrics" | "log" | "open">,
): Executors {
  const executors: Executor[] = [];
  const loops: BackgroundLoop[] = [];
  for (const served of providers) {
    const { name } = served.provider;
    const executor = new Executor({
      ...options,
      ...served,
      tracer: context.tracer,
      onRoom: () => loop.wake(),
    });
    context.resources.use(`calls of ${name}`, executor);
    const loop = runLoop(context, {
      name: `payment executor of ${name}`,
      runOnce: () => executor.runOnce(),
      intervalMs: POLL_MS,
      idleIntervalMs: IDLE_POLL_MS,
    });
    executors.push(executor);
    loops.push(loop);
  }
  return { all: executors, wake: () => loops.forEach((loop) => loop.wake()) };
}

/** Serves each provider's webhooks at its own path. */
export function startWebhooks(
  context: Context,
  providers: Providers,
  options: Pick<WebhookEndpoint, "database" | "clock" | "newId" | "metrics" | "log" | "wakeExecutor">,
): void {
  const logError = logThrottled(context.log, systemClock);
  const onError = (error: unknown) => logError(error, {}, "a webhook event could not be processed");
  const endpoints = [...providers].map(({ provider, webhooks, policy }) => ({
    ...options,
    provider: provider.name,
    reader: webhooks,
    policy,
  }));
  startHttp(context, "webhooks", webhookApi(options, endpoints, onError));
}

/** Serves the internal API, if it has a port. */
export async function startShopperApi(
  context: Context,
  providers: Providers,
  options: Pick<ShopperApiOptions, "database" | "clock" | "wakeExecutor">,
): Promise<void> {
  const { INTERNAL_HOST: HOST, INTERNAL_PORT: PORT, TRUSTED_CALLERS_JWKS } = context.config;
  // `faultsOf` has checked that both are set or neither is used.
  if (PORT === undefined || TRUSTED_CALLERS_JWKS === undefined) return;
  const access = await openAccess(context, "payment", { ...context.config, TRUSTED_CALLERS_JWKS });
  const logError = logThrottled(context.log, systemClock);
  const onError = (error: unknown) => logError(error, {}, "a question about a shopper's action failed");
  const app = shopperApi({ ...options, access, providerOf: (name) => providers.of(name).provider, onError });
  startHttp({ ...context, config: { ...context.config, HOST, PORT } }, "internal API", app, "INTERNAL_HOST");
}

/** Compares each provider's ledger with the payments. */
export function startReconciliations(
  context: Context,
  providers: Providers,
  options: Pick<ReconcilerOptions, "database" | "clock" | "newId" | "metrics" | "log">,
): void {
  const { config, stopping } = context;
  for (const { provider, ledger, policy, ledgerLagMs } of providers) {
    const reconciler = new Reconciler({
      ...options,
      policy,
      provider: provider.name,
      ledger,
      intervalMs: config.RECONCILE_INTERVAL_MS,
      graceMs: Math.max(config.RECONCILE_GRACE_MS, ledgerLagMs),
      stopping,
    });
    runLoop(context, {
      name: `reconciliation with ${provider.name}`,
      runOnce: () => reconciler.runOnce(),
      intervalMs: RECONCILIATION_TICK_MS,
    });
  }
}

/** Measures how long the oldest payment has been UNKNOWN, or its money held. */
export function startUnknownWatch(
  context: Context,
  { database, metrics }: { readonly database: Database; readonly metrics: PaymentMetrics },
): void {
  runLoop(context, {
    name: "unknown payments",
    runOnce: async () => {
      const since = await Promise.all([oldestUnknown(database.sql), oldestHeld(database.sql)]);
      const ageMs = systemClock.now() - Math.min(...since.map((each) => each ?? Infinity));
      metrics.unknownSeconds.set({}, Math.max(0, ageMs) / 1_000);
    },
    intervalMs: UNKNOWN_INTERVAL_MS,
  });
}
