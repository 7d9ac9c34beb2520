// Ships an order, or records its delivery, for a named operator. The order and its event are one transaction; the orchestrator reads
// the event, writes the line of the audit trail and sends the mail. Called by order-http.ts.
import type { Clock } from "../../kernel/ports.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { Database } from "../../messaging/database.ts";
import { append } from "../../messaging/outbox.ts";
import { decideShipment, type Shipment, type ShipmentDecision, type ShipmentRequest } from "./shipment.ts";
import { lockShipment, saveShipment } from "./shipment-store.ts";

export interface ShipOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Pick<Log, "info">;
}

export interface ShipmentResult {
  readonly decision: ShipmentDecision;
  /** The order after the call. */
  readonly shipment: Shipment;
}

/** Null if there is no such order. */
export async function recordShipment(
  { database, clock, newId, log }: ShipOptions,
  orderId: string,
  request: ShipmentRequest,
): Promise<ShipmentResult | null> {
  const result = await database.transaction(async ({ tx, send, finish, appended }) => {
    const [[before]] = await send([lockShipment(tx, orderId)]);
    const decision = before === undefined ? null : decideShipment(before, request);
    if (before === undefined || decision?.kind !== "changed") {
      await finish([]);
      return before === undefined || decision === null ? null : { decision, shipment: before };
    }
    const now = clock.now();
    const { shipment, out } = decision;
    await finish([saveShipment(tx, shipment, now), ...append({ tx, appended }, [{ out }], { newId, now })]);
    return { decision, shipment };
  });
  if (result === null) return null;
  const { actor, reason, kind } = request;
  const { saga_id, status } = result.shipment;
  log.info(
    { order_id: orderId, saga_id, actor, reason, outcome: result.decision.kind, status },
    `an operator asks to ${kind} an order`,
  );
  return result;
}
