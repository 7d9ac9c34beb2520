// What the payment service does beside its commands: calls of the provider, webhooks, reconciliation.
import { runLoop } from "../../internal/platform/background-loop.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { Executor, type ExecutorOptions } from "../../internal/services/payment/attempts/executor.ts";
import {
  Reconciler,
  type ReconcilerOptions,
} from "../../internal/services/payment/reconciliation/reconciler.ts";
import { webhookApi, type WebhookApiOptions } from "../../internal/services/payment/webhooks/webhook-http.ts";
import type { PaymentConfig } from "./config.ts";

type Context = RoleContext<PaymentConfig>;

/** The executor is woken by every intake; its polls find what others left and what backs off. */
const POLL_MS = 250;
const IDLE_POLL_MS = 2_000;
/** How soon a due reconciliation is noticed. */
const RECONCILIATION_TICK_MS = 5_000;

/** Carries what is due to the provider, at most PROVIDER_CONCURRENCY calls at once. */
export function startExecutor(context: Context, options: Omit<ExecutorOptions, "concurrency" | "onRoom">) {
  const wakeExecutor = () => claims.wake();
  const executor = new Executor({
    ...options,
    concurrency: context.config.PROVIDER_CONCURRENCY,
    onRoom: wakeExecutor,
  });
  context.resources.use("provider calls", executor);
  const claims = runLoop(context, {
    name: "payment executor",
    runOnce: () => executor.runOnce(),
    intervalMs: POLL_MS,
    idleIntervalMs: IDLE_POLL_MS,
  });
  return { executor, wakeExecutor };
}

/** Serves the provider's webhooks. */
export function startWebhooks(
  context: Context,
  options: Omit<WebhookApiOptions, "secret" | "mark" | "onError">,
): void {
  const { config, log } = context;
  const logError = logThrottled(log, systemClock);
  const api = webhookApi({
    ...options,
    secret: config.STRIPE_WEBHOOK_SECRET,
    mark: config.PAYMENT_MARK,
    onError: (error) => logError(error, {}, "a webhook event could not be taken in"),
  });
  startHttp(context, "webhooks", api);
}

/** Compares the provider's ledger with the payments. */
export function startReconciliation(
  context: Context,
  options: Omit<ReconcilerOptions, "intervalMs" | "graceMs" | "stopping">,
): void {
  const { config, stopping } = context;
  const reconciler = new Reconciler({
    ...options,
    intervalMs: config.RECONCILE_INTERVAL_MS,
    graceMs: config.RECONCILE_GRACE_MS,
    stopping,
  });
  runLoop(context, {
    name: "reconciliation",
    runOnce: () => reconciler.runOnce(),
    intervalMs: RECONCILIATION_TICK_MS,
  });
}
