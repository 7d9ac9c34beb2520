// The saga metrics of the orchestrator: how many start, how many end in which way, how long they take, and every alert of the saga
// table. Called by cmd/orchestrator, which passes the observer to handler and timers.
import { isShopsFailure } from "../../schemas/failures.ts";
import { type Log, type Meter, traceFields } from "../kernel/telemetry.ts";
import type { OrderCancellation } from "./order-cancellation.ts";
import type { SagaObserver } from "./saga-batch.ts";
import { type Saga, statusOf } from "./state.ts";

export const DURATION_BUCKETS_SECONDS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300];
/** Sagas that waited for their shopper and have not ended yet; beyond that the oldest are forgotten. */
const MAX_WAITED = 10_000;

/** Register once per process. `changed` is passed on unchanged. */
export function sagaTelemetry(meter: Meter, log: Log, changed: SagaObserver["changed"]) {
  const started = meter.counter("sagas_started_total", "Sagas that were started");
  const ended = meter.counter("sagas_ended_total", "Sagas that finished", ["status", "failure_code"]);
  const duration = meter.histogram(
    "saga_duration_seconds",
    "Time from the checkout to the end of its saga, apart for sagas that waited for the shopper's confirmation",
    ["status", "waited_for_shopper"],
    DURATION_BUCKETS_SECONDS,
  );
  const failedByShop = meter.counter(
    "sagas_failed_by_shop_total",
    "Sagas that ended without an order through a failure of the shop, not of shopper, card or bank",
  );
  const waits = new ShopperWaits();
  const ignored = meter.counter("saga_inputs_ignored_total", "Messages that changed nothing", ["type"]);
  const alerts = meter.counter("saga_alerts_total", "Messages that only occur when something is broken", [
    "type",
  ]);

  const observer: SagaObserver = {
    decided(input, { saga, verdict }) {
      const { saga_id, position } = saga;
      switch (verdict.kind) {
        case "ignored":
          return ignored.inc({ type: input.type });
        case "alert":
          alerts.inc({ type: input.type });
          return log.error(
            { saga_id, ...traceFields(saga.traceparent), type: input.type, status: statusOf(saga) },
            `saga alert: ${verdict.reason}`,
          );
        case "transition": {
          if (saga.completed_at === null) return waits.moved(saga);
          const status = statusOf(saga);
          const failure_code = position.kind === "compensated" ? position.failure.code : "";
          ended.inc({ status, failure_code });
          if (failure_code !== "" && isShopsFailure(failure_code)) failedByShop.inc({});
          const waited_for_shopper = waits.ended(saga) ? "yes" : "no";
          const seconds = (saga.completed_at - saga.created_at) / 1_000;
          const { trace_id } = traceFields(saga.traceparent);
          duration.observe({ status, waited_for_shopper }, seconds, trace_id);
        }
      }
    },
    unknown({ saga_id, type, message_id }) {
      alerts.inc({ type });
      log.error(
        { saga_id, type, message_id },
        "saga alert: an event for a saga that is not in this database",
      );
    },
    changed,
  };
  return { observer, onStarted: (count: number) => started.inc({}, count) };
}

/**
 * Remembers which sagas have waited for their shopper, whose time is not ours. The row forgets it when the charge is over. In memory
 * only: one that ends in another process than it waited in counts as slow, which happens around a restart.
 */
class ShopperWaits {
  readonly #sagas = new Set<string>();

  moved({ saga_id, action_expires_at }: Saga): void {
    if (action_expires_at === null) return;
    this.#sagas.add(saga_id);
    if (this.#sagas.size <= MAX_WAITED) return;
    const [oldest = saga_id] = this.#sagas;
    this.#sagas.delete(oldest);
  }

  /** Whether the saga has waited. */
  ended({ saga_id, action_expires_at }: Saga): boolean {
    return this.#sagas.delete(saga_id) || action_expires_at !== null;
  }
}

/** Counts and logs cancellations of orders whose step has had no reply for long. */
export function cancellationOverdue(meter: Meter, log: Log): (cancellation: OrderCancellation) => void {
  const overdue = meter.counter(
    "order_cancellations_overdue_total",
    "Steps of order cancellations without a reply for long",
    ["step"],
  );
  return ({ cancellation_id, saga_id, order_id, step }) => {
    overdue.inc({ step });
    log.error(
      { cancellation_id, saga_id, order_id, step },
      `the cancellation of order ${order_id} has had no reply to its step ${step} for long, an operator must look`,
    );
  };
}
