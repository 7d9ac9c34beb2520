// What inventory tells the operator of its work. The share of ReservationExpired in InventoryReserved is alerted on: stock
// that goes back by timeout means that sagas do not get done.
import type { Outgoing } from "../../messaging/handler.ts";
import type { Meter } from "../../kernel/telemetry.ts";

/** Returns what to call with the events of each committed transaction. */
export function inventoryTelemetry(meter: Meter): (messages: readonly Outgoing[]) => void {
  const events = meter.counter("inventory_events_total", "What inventory answered or announced", ["type"]);
  return (messages) => {
    for (const [type, group] of Map.groupBy(messages, (event) => event.type))
      events.inc({ type }, group.length);
  };
}
