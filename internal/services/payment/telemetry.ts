// What the payment service tells the operator, beside what the message processor tells of its messages. Alert rules and dashboards use
// these names.
import type { Log, Meter } from "../../kernel/telemetry.ts";
import type { Decision } from "./payment.ts";
import type { RequestRefused } from "./providers/provider.ts";
import { type Difference, DIFFERENCE_KINDS, type DifferenceKind } from "./differences.ts";

/** What became of a request at the webhook endpoint. */
export type WebhookOutcome =
  | "settled"
  | "unchanged"
  | "alert"
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
    ["request", "outcome"],
  );
  const seconds = meter.histogram(
    "payment_provider_request_duration_seconds",
    "From a request to its result",
    ["provider", "request"],
  );
  const changes = meter.counter("payment_settlements_total", "Payments moved on by the provider's answers", [
    "status",
  ]);
  const webhooks = meter.counter("payment_webhooks_total", "Requests at the webhook endpoint", ["result"]);
  const alerts = meter.gauge(
    "payment_alerts_open",
    "Differences between payments and the provider's ledger that nobody has resolved",
    ["kind"],
  );
  return {
    comparedUntil: meter.gauge(
      "payment_reconciled_until_timestamp_seconds",
      "Unix time up to which the provider's ledger has been compared with payments",
      ["provider"],
    ),
    foreign: meter.counter(
      "payment_foreign_entries_total",
      "Charges and refunds in the provider's ledger that are somebody else's, each time they are compared",
      ["provider"],
    ),
    inFlight: meter.gauge("payment_requests_in_flight", "Claimed from the table and not yet settled", [
      "provider",
    ]),
    providerRate: meter.gauge(
      "payment_provider_calls_per_second",
      "Calls a second that the provider takes, as far as its refusals tell; 0 where no limit was met",
      ["provider"],
    ),
    chargesHeld: meter.gauge(
      "payment_charges_held",
      "1 while new charges wait because the provider refuses our requests as such",
      ["provider"],
    ),
    breakerOpen: meter.gauge(
      "payment_breaker_open",
      "1 while the provider is not asked because it does not answer",
      ["provider"],
    ),
    /** `outcome` is the kind of the provider's result. */
    observe(provider: string, request: "charge" | "refund", outcome: string, elapsedMs: number): void {
      results.inc({ provider, request, outcome });
      seconds.observe({ provider, request }, elapsedMs / 1_000);
    },
    settled(decisions: readonly Decision[]): void {
      for (const { payment } of decisions) changes.inc({ status: payment.status });
    },
    webhook(result: WebhookOutcome): void {
      webhooks.inc({ result });
    },
    /** Kinds that are left out have none. */
    openAlerts(counts: readonly { readonly kind: DifferenceKind; readonly count: number }[]): void {
      const byKind = new Map(counts.map(({ kind, count }) => [kind, count]));
      for (const kind of DIFFERENCE_KINDS) alerts.set({ kind }, byKind.get(kind) ?? 0);
    },
  };
}

export type PaymentMetrics = ReturnType<typeof paymentMetrics>;

/** One line per alert that was opened, for whoever reads logs; `checkoutctl payments alerts` lists them. */
export function logAlert(log: Log, { kind, subject, saga_id, detail }: Difference): void {
  log.error({ alert: kind, subject, saga_id }, `payments and the provider's ledger differ: ${detail}`);
}

/** The provider's names for what it does not take; never its sentence, which may hold what a shopper typed. */
export function logRefusal(log: Log) {
  return (call: string, { param, code }: RequestRefused): void =>
    log.error(
      { call, provider_param: param, provider_code: code },
      "the provider refuses a request as such: our version of its interface, our key or its configuration is wrong",
    );
}

export function holdMessage(isHeld: boolean): string {
  return isHeld
    ? "new charges wait: the provider refuses our requests, and sending more only turns shoppers away"
    : "the provider takes our requests again: charges go on";
}
