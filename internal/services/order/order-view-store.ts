// The orders of one shopper, as the shopper may see them. Called by order-http.ts. A tombstone (cancelled before it was created) has no
// user, so no shopper finds it.
import type { Sql } from "postgres";
import type { OrderView } from "../../../schemas/http.ts";
import { timestampOf, timestampOrNull } from "../../kernel/timestamp.ts";

/**
 * Up to `limit` orders, newest first, that are older than order `after`; from the newest on if it is null. Empty if `after` is no order
 * of this shopper. Reads the index `orders_user`, which has no order id: only orders of the same millisecond are sorted.
 */
export async function listOrders(
  sql: Sql,
  userId: string,
  after: string | null,
  limit: number,
): Promise<OrderView[]> {
  const rows =
    after === null
      ? await sql<ViewRow[]>`
          select ${columns(sql)} from orders
           where user_id = ${userId}
           order by created_at desc, order_id desc limit ${limit}`
      : await sql<ViewRow[]>`
          select ${columns(sql)} from orders
           where user_id = ${userId}
             and (created_at, order_id) < ((select created_at from orders where order_id = ${after} and user_id = ${userId}), ${after})
           order by created_at desc, order_id desc limit ${limit}`;
  return rows.map(viewOf);
}

/** Undefined for an unknown id and for another shopper's order. */
export async function findOrder(sql: Sql, userId: string, orderId: string): Promise<OrderView | undefined> {
  const [row] = await sql<ViewRow[]>`
    select ${columns(sql)} from orders where order_id = ${orderId} and user_id = ${userId}`;
  return row === undefined ? undefined : viewOf(row);
}

/** A row with a user; the table's checks let such a row have no currency or address only if it is cancelled. */
interface ViewRow extends Pick<
  OrderView,
  "order_id" | "saga_id" | "status" | "items" | "total_cents" | "currency" | "shipping_address" | "tracking"
> {
  /** Epoch ms. */
  readonly card: OrderView["card"] | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly shipped_at: number | null;
  readonly delivered_at: number | null;
}

const columns = (sql: Sql) => sql`
  order_id, saga_id, status, items, total_cents, currency, shipping_address, tracking, card, created_at, updated_at, shipped_at, delivered_at`;

function viewOf({ updated_at, created_at, shipped_at, delivered_at, card, ...row }: ViewRow): OrderView {
  const isSent = row.status === "SHIPPED" || row.status === "DELIVERED";
  return {
    ...row,
    created_at: timestampOf(created_at),
    shipped_at: isSent ? timestampOrNull(shipped_at) : null,
    delivered_at: row.status === "DELIVERED" ? timestampOrNull(delivered_at) : null,
    // Nothing changes an order after its cancel.
    cancelled_at: row.status === "CANCELLED" ? timestampOf(updated_at) : null,
    tracking: isSent ? row.tracking : null,
    ...(card === null || card === undefined ? {} : { card }),
  };
}
