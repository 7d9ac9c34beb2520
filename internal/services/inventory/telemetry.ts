// Inventory's metrics. An alert watches the share of ReservationExpired in InventoryReserved: stock that goes back by timeout means that
// sagas do not finish.
import type { Outgoing } from "../../messaging/handler.ts";
import type { Meter } from "../../kernel/telemetry.ts";

/** Returns a function to call with the events of each committed transaction. */
export function inventoryTelemetry(meter: Meter): (messages: readonly Outgoing[]) => void {
  const events = meter.counter("inventory_events_total", "Events that inventory has sent, by type", ["type"]);
  return (messages) => {
    for (const [type, group] of Map.groupBy(messages, (event) => event.type))
      events.inc({ type }, group.length);
  };
}
