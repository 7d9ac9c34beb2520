// The SQL for rebuilding orders: their traces in the two databases, and the changes. Called by order-rebuild.ts.
import type { Sql, TransactionSql } from "postgres";
import type { Tracking } from "../../schemas/fields.ts";
import { timestampOf, timestampOrNull } from "../kernel/timestamp.ts";
import type { MadeOrder, OrderedSaga, ShippingAct, StoredOrder, ToldEvent } from "./order-rebuild-plan.ts";

const TOLD: readonly ToldEvent["type"][] = [
  "OrderCreated",
  "OrderFailed",
  "OrderCancelled",
  "OrderCancelRefused",
  "OrderShipped",
  "OrderDelivered",
  "CommandRefused",
];

/** An event with the fields that name the command it answers. */
export interface ToldRow extends ToldEvent {
  /** Of OrderCancelRefused: the key of the refused command. Older order services do not send it. */
  readonly idempotency_key: string | null;
  /** Of CommandRefused: the refused command. */
  readonly command_id: string | null;
}

/** The order service's events since `since` (epoch ms) after the event `after`, oldest first, at most `limit`. */
export function toldEvents(order: Sql, since: number, after: string, limit: number): Promise<ToldRow[]> {
  return order<ToldRow[]>`
    select event_id, partition_key as saga_id, headers ->> 'type' as type, payload ->> 'order_id' as order_id,
           payload -> 'tracking' as tracking, payload ->> 'idempotency_key' as idempotency_key,
           payload ->> 'command_id' as command_id, ${epochMs(order, "occurred_at")} as at
      from outbox
     where headers ->> 'type' = any(${[...TOLD]}::text[])
       and event_id >= uuid_v7_floor(${since}::timestamptz) and event_id > ${after}::uuid
     order by event_id limit ${limit}`;
}

function epochMs(sql: Sql, field: string) {
  return sql`(extract(epoch from (payload ->> ${field}::text)::timestamptz) * 1000)::float8`;
}

export interface OrderCommand {
  readonly message_id: string;
  readonly saga_id: string;
  readonly type: "CreateOrder" | "CancelOrder";
  readonly idempotency_key: string;
}

/** The commands to the order service; with the paging of `toldEvents`. */
export function orderCommands(
  saga: Sql,
  since: number,
  after: string,
  limit: number,
): Promise<OrderCommand[]> {
  return saga<OrderCommand[]>`
    select event_id as message_id, partition_key as saga_id, headers ->> 'type' as type,
           payload ->> 'idempotency_key' as idempotency_key
      from outbox
     where headers ->> 'type' in ('CreateOrder', 'CancelOrder') and published
       and event_id >= uuid_v7_floor(${since}::timestamptz) and event_id > ${after}::uuid
     order by event_id limit ${limit}`;
}

/** What operators did to parcels since `since` (epoch ms), oldest first. */
export function shippingActs(saga: Sql, since: number): Promise<ShippingAct[]> {
  return saga<ShippingAct[]>`
    select action_id as event_id, saga_id, subject as order_id, action,
           action = 'order.ship' and detail is distinct from 'without tracking' as has_tracking,
           (extract(epoch from at) * 1000)::float8 as at
      from operator_actions
     where action in ('order.ship', 'order.deliver') and saga_id is not null
       and action_id >= uuid_v7_floor(${since}::timestamptz)
     order by action_id`;
}

/** The tracking in the mails about parcels since `since` (epoch ms), oldest first. */
export function mailedTracking(
  saga: Sql,
  since: number,
): Promise<{ readonly saga_id: string; readonly tracking: Tracking }[]> {
  return saga<{ saga_id: string; tracking: Tracking }[]>`
    select partition_key as saga_id, payload -> 'tracking' as tracking
      from outbox
     where headers ->> 'type' = 'SendNotification' and payload ->> 'template' = 'order_shipped' and payload ? 'tracking'
       and event_id >= uuid_v7_floor(${since}::timestamptz)
     order by event_id`;
}

/** Cancellations of finished orders that had the order cancelled, and moved since `since` (epoch ms). */
export function cancelledOrders(
  saga: Sql,
  since: number,
): Promise<{ readonly saga_id: string; readonly at: number }[]> {
  return saga<{ saga_id: string; at: number }[]>`
    select saga_id, (extract(epoch from coalesce(completed_at, updated_at)) * 1000)::float8 as at
      from order_cancellations
     where status <> 'REFUSED' and step <> 'order' and updated_at >= ${since}::timestamptz`;
}

/** A checkout is over within a day. */
const LONGEST_CHECKOUT_MS = 24 * 60 * 60 * 1_000;

/** Checkouts that ended since `since` (epoch ms) and may have made an order. */
export async function endedSagas(saga: Sql, since: number): Promise<readonly string[]> {
  const rows = await saga<{ saga_id: string }[]>`
    select saga_id from saga_state
     where saga_id >= uuid_v7_floor(${Math.max(0, since - LONGEST_CHECKOUT_MS)}::timestamptz)
       and completed_at >= ${since}::timestamptz and current_step = 'order'`;
  return rows.map(({ saga_id }) => saga_id);
}

/** Shoppers who were erased since `since` (epoch ms). */
export async function erasedShoppers(saga: Sql, since: number): Promise<readonly string[]> {
  const rows = await saga<{ subject: string }[]>`
    select distinct subject from operator_actions
     where action = 'shopper.erase' and outcome = 'erased' and at >= ${since}::timestamptz order by subject`;
  return rows.map(({ subject }) => subject);
}

export function storedOrders(order: Sql, sagaIds: readonly string[]): Promise<StoredOrder[]> {
  return order<StoredOrder[]>`
    select order_id, saga_id, status, tracking, (extract(epoch from updated_at) * 1000)::float8 as updated_at,
           (extract(epoch from shipped_at) * 1000)::float8 as shipped_at,
           (extract(epoch from delivered_at) * 1000)::float8 as delivered_at
      from orders where saga_id = any(${[...sagaIds]}::uuid[])`;
}

export function orderedSagas(saga: Sql, sagaIds: readonly string[]): Promise<OrderedSaga[]> {
  return saga<OrderedSaga[]>`
    select saga_id, status, order_id, user_id, priced_items, total_cents::float8 as total_cents, currency, shipping_address, card,
           (extract(epoch from completed_at) * 1000)::float8 as completed_at
      from saga_state where saga_id = any(${[...sagaIds]}::uuid[])`;
}

/** Creates the orders that are missing and returns the ids of those that it made. */
export async function makeOrders(
  tx: TransactionSql,
  orders: readonly MadeOrder[],
): Promise<ReadonlySet<string>> {
  const rows = orders.map((order) => ({
    ...order,
    created_at: timestampOf(order.created_at),
    ...timesOf(order),
  }));
  const made = await tx<{ order_id: string }[]>`
    insert into orders (order_id, saga_id, user_id, items, total_cents, currency, shipping_address, card, status, tracking,
           created_at, updated_at, shipped_at, delivered_at)
    select order_id, saga_id, user_id, items, total_cents, currency, shipping_address, card, status, tracking,
           created_at, updated_at, shipped_at, delivered_at
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as made (
           order_id uuid, saga_id uuid, user_id uuid, items jsonb, total_cents bigint, currency text, shipping_address jsonb,
           card jsonb, status text, tracking jsonb, created_at timestamptz, updated_at timestamptz, shipped_at timestamptz,
           delivered_at timestamptz)
        on conflict do nothing
    returning order_id`;
  return new Set(made.map(({ order_id }) => order_id));
}

export interface Move {
  readonly before: StoredOrder;
  readonly after: StoredOrder;
}

/** Moves orders that still are as they were read, and returns the ids of those that it moved. */
export async function moveOrders(tx: TransactionSql, moves: readonly Move[]): Promise<ReadonlySet<string>> {
  const rows = moves.map(({ before, after }) => ({
    order_id: after.order_id,
    status: after.status,
    tracking: after.tracking,
    ...timesOf(after),
    before_status: before.status,
    before_at: timestampOf(before.updated_at),
  }));
  const moved = await tx<{ order_id: string }[]>`
    update orders o
       set status = m.status, tracking = m.tracking, shipped_at = m.shipped_at, delivered_at = m.delivered_at,
           updated_at = m.updated_at
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as m (
           order_id uuid, status text, tracking jsonb, updated_at timestamptz, shipped_at timestamptz, delivered_at timestamptz,
           before_status text, before_at timestamptz)
     where o.order_id = m.order_id and o.status = m.before_status
       and date_trunc('milliseconds', o.updated_at) = m.before_at
    returning o.order_id`;
  return new Set(moved.map(({ order_id }) => order_id));
}

function timesOf({ updated_at, shipped_at, delivered_at }: StoredOrder) {
  return {
    updated_at: timestampOf(updated_at),
    shipped_at: timestampOrNull(shipped_at),
    delivered_at: timestampOrNull(delivered_at),
  };
}
