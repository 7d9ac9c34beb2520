// One order's shipment in the orders table: locked, and written back. Called by ship.ts.
import type { PendingQuery } from "postgres";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Tx } from "../../messaging/database.ts";
import type { Shipment } from "./shipment.ts";

/** Empty for an unknown id. The handler's commands lock the same row, so an order is never both shipped and cancelled. */
export function lockShipment(tx: Tx, orderId: string): PendingQuery<Shipment[]> {
  return tx<Shipment[]>`
    select order_id, saga_id, status, tracking from orders where order_id = ${orderId} for no key update`;
}

/** Sets the time of the new status, once. `now` in epoch ms. */
export function saveShipment(
  tx: Tx,
  { order_id, status, tracking }: Shipment,
  now: number,
): PromiseLike<unknown> {
  const at = timestampOf(now);
  const parcel = tracking === null ? null : JSON.stringify(tracking);
  return tx`
    update orders
       set shipped_at = case when status = 'CONFIRMED' then ${at}::timestamptz else shipped_at end,
           delivered_at = case when ${status} = 'DELIVERED' then ${at}::timestamptz end,
           status = ${status}, tracking = ${parcel}::text::jsonb, updated_at = ${at}::timestamptz
     where order_id = ${order_id}`;
}
