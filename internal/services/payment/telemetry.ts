// What the payment service tells the operator, beside what the recipe tells of its messages. Alert rules and dashboards use
// these names.
import type { Meter } from "../../messaging/telemetry.ts";
import type { Answer } from "./attempt-transactions.ts";
import type { Decision } from "./payment.ts";

/** Register once per process. */
export function paymentMetrics(meter: Meter) {
  const answers = meter.counter("payment_provider_answers_total", "Answers of the payment provider", [
    "question",
    "outcome",
  ]);
  const seconds = meter.histogram("payment_provider_seconds", "From a question to its answer", ["question"]);
  const changes = meter.counter("payment_settlements_total", "Payments moved on by the provider's answers", [
    "status",
  ]);
  return {
    inFlight: meter.gauge("payment_questions_in_flight", "Claimed from the table and not yet settled"),
    breakerOpen: meter.gauge(
      "payment_breaker_open",
      "1 while the provider is not asked because it does not answer",
    ),
    observe({ kind, outcome }: Answer, elapsedMs: number): void {
      answers.inc({ question: kind, outcome: outcome.kind });
      seconds.observe({ question: kind }, elapsedMs / 1_000);
    },
    settled(decisions: readonly Decision[]): void {
      for (const { payment } of decisions) changes.inc({ status: payment.status });
    },
  };
}

export type PaymentMetrics = ReturnType<typeof paymentMetrics>;
