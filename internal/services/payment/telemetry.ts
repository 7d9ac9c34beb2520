// Metrics and log lines of the payment service; the message processor reports on the messages. Alert rules and dashboards use these
// names.
import type { Log, Meter } from "../../kernel/telemetry.ts";
import type { Decision } from "./payment.ts";
import type { RequestRefused } from "./providers/provider.ts";
import { type Difference, DIFFERENCE_KINDS, type DifferenceKind } from "./difference.ts";

/** The result of a request to the webhook endpoint. */
export type WebhookOutcome =
  | "settled"
  | "unchanged"
  | "alert"
  | "over"
  | "replayed"
  | "foreign"
  | "ignored"
  | "unreadable"
  | "refused"
  | "failed";

/** Register once per process. */
export function paymentMetrics(meter: Meter) {
  const results = meter.counter(
    "payment_provider_results_total",
    "Results of requests to the payment provider",
    ["provider", "request", "outcome"],
  );
  const seconds = meter.histogram(
    "payment_provider_request_duration_seconds",
    "Time from a provider request to its result",
    ["provider", "request"],
  );
  const changes = meter.counter(
    "payment_settlements_total",
    "Payments changed by provider results, by new status",
    ["status"],
  );
  const webhooks = meter.counter("payment_webhooks_total", "Webhook requests, by result", ["result"]);
  const opened = meter.counter("payment_alerts_opened_total", "Payment alerts that were opened, by kind", [
    "kind",
  ]);
  for (const kind of DIFFERENCE_KINDS) opened.inc({ kind }, 0);
  const alerts = meter.gauge(
    "payment_alerts_open",
    "Open differences between payments and the provider ledger",
    ["kind"],
  );
  return {
    comparedUntil: meter.gauge(
      "payment_reconciled_until_timestamp_seconds",
      "Unix time up to which the provider ledger has been compared with payments, as far as it can be by now: its lag does not count",
      ["provider"],
    ),
    foreign: meter.counter(
      "payment_foreign_entries_total",
      "Charges and refunds of other shops in the provider ledger, counted at each comparison",
      ["provider"],
    ),
    ...stateGauges(meter),
    /** `outcome` is the kind of the provider's result. */
    observe(
      { provider, request, outcome }: Readonly<Record<"provider" | "request" | "outcome", string>>,
      elapsedMs: number,
      trace_id?: string,
    ): void {
      results.inc({ provider, request, outcome });
      seconds.observe({ provider, request }, elapsedMs / 1_000, trace_id);
    },
    settled(decisions: readonly Decision[]): void {
      for (const { payment } of decisions) changes.inc({ status: payment.status });
    },
    webhook(result: WebhookOutcome): void {
      webhooks.inc({ result });
    },
    alertOpened(kind: DifferenceKind): void {
      opened.inc({ kind });
    },
    /** Kinds without an entry have no open alert. */
    openAlerts(counts: readonly { readonly kind: DifferenceKind; readonly count: number }[]): void {
      const byKind = new Map(counts.map(({ kind, count }) => [kind, count]));
      for (const kind of DIFFERENCE_KINDS) alerts.set({ kind }, byKind.get(kind) ?? 0);
    },
  };
}

/** How the service stands with its providers. */
function stateGauges(meter: Meter) {
  return {
    inFlight: meter.gauge(
      "payment_requests_in_flight",
      "Requests claimed from the table and not yet settled",
      ["provider"],
    ),
    providerRate: meter.gauge(
      "payment_provider_calls_per_second",
      "Calls per second that the provider takes, learned from its refusals; 0: no limit is known",
      ["provider"],
    ),
    chargesHeld: meter.gauge(
      "payment_charges_held",
      "1 while new charges wait because the provider rejects our requests",
      ["provider"],
    ),
    breakerOpen: meter.gauge(
      "payment_breaker_open",
      "1 while the circuit breaker is open because the provider does not answer",
      ["provider"],
    ),
    unknownSeconds: meter.gauge(
      "payment_oldest_unknown_seconds",
      "Age of the oldest payment without a definite result or whose money is held, since it was first requested or since its shopper's time was over",
    ),
  };
}

export type PaymentMetrics = ReturnType<typeof paymentMetrics>;

/** Counts an opened alert and logs a line; `checkoutctl payments alerts` lists them. */
export function reportAlert(
  { metrics, log }: { readonly metrics: Pick<PaymentMetrics, "alertOpened">; readonly log: Log },
  { kind, subject, saga_id, detail }: Difference,
): void {
  metrics.alertOpened(kind);
  log.error({ alert: kind, subject, saga_id }, `payments and the provider ledger differ: ${detail}`);
}

/** Logs the provider's names for what it rejects; never its message, which may contain what a shopper typed. */
export function logRefusal(log: Log) {
  return (call: string, { param, code }: RequestRefused): void =>
    log.error(
      { call, provider_param: param, provider_code: code },
      "the provider rejects a request as wrong: check the API version, the API key and its configuration",
    );
}

export function holdMessage(isHeld: boolean): string {
  return isHeld
    ? "new charges wait: the provider rejects our requests, and each further one would fail a shopper"
    : "new charges go on: the provider accepts our requests again";
}
