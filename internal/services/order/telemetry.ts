// What the order service tells the operator. Called by cmd/order.
import type { Log, Meter } from "../../kernel/telemetry.ts";

/** Counts and logs what the service cannot do and a person has to look at. */
export function orderAlert(meter: Meter, log: Log): (what: string) => void {
  const impossible = meter.counter(
    "order_cancels_impossible_total",
    "Cancels that came for an order already shipped",
  );
  return (what) => {
    impossible.inc({});
    log.error({}, what);
  };
}
