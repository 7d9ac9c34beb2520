// The order queries of operators, and those for rebuilding sagas. Times are epoch ms.
import type { Sql } from "postgres";
import type { PricedItem, ShippingAddress, Tracking } from "../../schemas/fields.ts";
import type { OrderStatus } from "../../schemas/http.ts";
import { type OrderNumber, orderNumberOf } from "../kernel/order-number.ts";
import type { Static } from "@sinclair/typebox";

export interface OrderOfSaga {
  readonly order_id: string;
  readonly saga_id: string;
  readonly user_id: string;
  readonly items: readonly Static<typeof PricedItem>[];
  readonly total_cents: number;
  readonly currency: string;
  readonly shipping_address: Static<typeof ShippingAddress>;
  /** Epoch ms. */
  readonly created_at: number;
  /** By an undo of its checkout, or since that was completed. */
  readonly is_cancelled: boolean;
}

/** The orders of these sagas, in any state; without those that were cancelled before they were created. */
export async function ordersOfSagas(sql: Sql, sagaIds: readonly string[]): Promise<readonly OrderOfSaga[]> {
  return sql<OrderOfSaga[]>`
    select order_id, saga_id, user_id, items, total_cents::float8 as total_cents, currency, shipping_address,
           (extract(epoch from created_at) * 1000)::float8 as created_at, status = 'CANCELLED' as is_cancelled
      from orders
     where user_id is not null
       and saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))`;
}

export interface OrderSummary {
  readonly order_id: string;
  readonly saga_id: string;
  /** Null for an order that was cancelled before it was created. */
  readonly user_id: string | null;
  readonly status: OrderStatus;
  readonly total_cents: number;
  readonly currency: string | null;
  readonly tracking: Tracking | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly shipped_at: number | null;
  readonly delivered_at: number | null;
}

/** Newest first. */
export function listOrders(
  sql: Sql,
  filter: { readonly status: OrderStatus | null; readonly user: string | null; readonly limit: number },
): Promise<OrderSummary[]> {
  return sql<OrderSummary[]>`
    select ${summary(sql)} from orders
     where (${filter.status}::text is null or status = ${filter.status})
       and (${filter.user}::uuid is null or user_id = ${filter.user})
     order by order_id desc limit ${filter.limit}`;
}

export interface OrderDetails extends OrderSummary {
  readonly items: readonly Static<typeof PricedItem>[];
  readonly shipping_address: Static<typeof ShippingAddress> | null;
}

export async function findOrder(sql: Sql, orderId: string): Promise<OrderDetails | undefined> {
  const [found] = await sql<OrderDetails[]>`
    select ${summary(sql)}, items, shipping_address from orders where order_id = ${orderId}`;
  return found;
}

/** The order with this id, or the one of the saga with this id. */
export async function findOrderOf(sql: Sql, id: string): Promise<OrderDetails | undefined> {
  const [found] = await sql<OrderDetails[]>`
    select ${summary(sql)}, items, shipping_address from orders where order_id = ${id} or saga_id = ${id}`;
  return found;
}

/** Those with this order number: almost always one (kernel/order-number.ts). Reads the ids of one second. */
export async function ordersNumbered(
  sql: Sql,
  { number, first, last }: OrderNumber,
): Promise<readonly string[]> {
  const orders = await sql<{ order_id: string }[]>`
    select order_id from orders where order_id between ${first} and ${last} order by order_id`;
  return orders.map(({ order_id }) => order_id).filter((id) => orderNumberOf(id) === number);
}

function summary(sql: Sql) {
  return sql`
    order_id, saga_id, user_id, status, total_cents::float8 as total_cents, currency, tracking,
    (extract(epoch from created_at) * 1000)::float8 as created_at,
    (extract(epoch from updated_at) * 1000)::float8 as updated_at,
    (extract(epoch from shipped_at) * 1000)::float8 as shipped_at,
    (extract(epoch from delivered_at) * 1000)::float8 as delivered_at`;
}
