// The order service's metric and alert for operators. Called by cmd/order.
import type { Log, Meter } from "../../kernel/telemetry.ts";

/** Counts and logs commands that the service cannot carry out and an operator must look at. */
export function orderAlert(meter: Meter, log: Log): (what: string) => void {
  const impossible = meter.counter(
    "order_cancels_impossible_total",
    "Cancels of orders that are already shipped",
  );
  return (what) => {
    impossible.inc({});
    log.error({}, what);
  };
}
