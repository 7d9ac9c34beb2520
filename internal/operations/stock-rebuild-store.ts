// The SQL for rebuilding reservations from the events that inventory published. Called by stock-rebuild.ts, in one transaction,
// while the role is stopped.
import type { Sql, TransactionSql } from "postgres";

/** A command that was sent to inventory. */
export interface AskedReservation {
  readonly message_id: string;
  readonly saga_id: string;
  readonly type: string;
}

/** The commands sent to inventory since `since` (epoch ms). */
export function askedReservations(saga: Sql, since: number): Promise<readonly AskedReservation[]> {
  return saga<AskedReservation[]>`
    select event_id as message_id, partition_key as saga_id, headers ->> 'type' as type from outbox
     where event_id >= uuid_v7_floor(${since}::timestamptz) and published
       and headers ->> 'type' in ('ReserveInventory', 'ConfirmReservation', 'ReleaseInventory')`;
}

export function lockStock(tx: TransactionSql): Promise<unknown> {
  return tx`lock table inventory, reservations in exclusive mode`;
}

/**
 * Removes the tombstones of reservations that inventory has reported: a release came after the database had forgotten them. Recreated, they are
 * released, and an event names a reservation that exists.
 */
export function dropTombstonesOfTold(tx: TransactionSql): PromiseLike<unknown> {
  return tx`
    delete from reservations r using outbox o
     where r.sku_id is null and o.partition_key = r.saga_id::text and o.headers ->> 'type' = 'InventoryReserved'`;
}

/** Recreates missing reservations from their InventoryReserved events. Returns the number of sagas. */
export async function reserveAgain(tx: TransactionSql): Promise<number> {
  const rows = await tx<{ saga_id: string }[]>`
    with told as (
      select distinct on (partition_key) partition_key::uuid as saga_id, payload from outbox
       where headers ->> 'type' = 'InventoryReserved' order by partition_key, event_id)
    insert into reservations (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
    select (payload ->> 'reservation_id')::uuid, saga_id, item.line - 1, item.value ->> 'sku_id',
           (item.value ->> 'quantity')::integer, (item.value ->> 'unit_price_cents')::bigint,
           (payload ->> 'occurred_at')::timestamptz, (item.value ->> 'reserved_until')::timestamptz, 'HELD'
      from told, jsonb_array_elements(payload -> 'items') with ordinality as item (value, line)
     where not exists (select from reservations r where r.saga_id = told.saga_id)
    returning saga_id`;
  return new Set(rows.map(({ saga_id }) => saga_id)).size;
}

/**
 * Sets every reservation to its published state. Released wins over confirmed, and confirmed over expired: an expiry after a
 * confirmation comes from the restored database. Returns the number of sagas that changed.
 */
export async function settleReservations(tx: TransactionSql): Promise<number> {
  const rows = await tx<{ saga_id: string }[]>`
    with told as (
      select distinct on (partition_key) partition_key::uuid as saga_id,
             case headers ->> 'type' when 'InventoryReleased' then 'RELEASED' when 'ReservationConfirmed' then 'CONFIRMED'
                                     else 'EXPIRED' end as status
        from outbox
       where headers ->> 'type' in ('InventoryReleased', 'ReservationConfirmed', 'ReservationExpired')
       order by partition_key, headers ->> 'type' <> 'InventoryReleased', headers ->> 'type' <> 'ReservationConfirmed')
    update reservations r set status = told.status
      from told
     where r.saga_id = told.saga_id and r.sku_id is not null and r.status <> told.status
    returning r.saga_id`;
  return new Set(rows.map(({ saga_id }) => saga_id)).size;
}

/** Recreates the tombstones of releases that came before their reservation; a tombstone refuses the late reservation. */
export async function makeTombstones(tx: TransactionSql): Promise<number> {
  const { count } = await tx`
    insert into reservations (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
    select distinct on (partition_key) event_id, partition_key::uuid, 0, null, 0, 0, created_at, created_at, 'RELEASED'
      from outbox
     where headers ->> 'type' = 'InventoryReleased' order by partition_key, event_id
        on conflict do nothing`;
  return count;
}

/** Recomputes available stock from stocked and reserved quantities. Returns the SKUs that are over-reserved and then changes nothing. */
export async function countStock(
  tx: TransactionSql,
): Promise<readonly { readonly sku_id: string; readonly missing: number }[]> {
  const short = await tx<{ sku_id: string; missing: number }[]>`
    select i.sku_id, (sum(r.quantity) - i.stocked_count)::float8 as missing
      from inventory i join reservations r on r.sku_id = i.sku_id and r.status in ('HELD', 'CONFIRMED')
     group by i.sku_id, i.stocked_count having sum(r.quantity) > i.stocked_count order by i.sku_id`;
  if (short.length > 0) return short;
  await tx`
    update inventory i set available_count = i.stocked_count - coalesce(
             (select sum(quantity) from reservations r where r.sku_id = i.sku_id and r.status in ('HELD', 'CONFIRMED')), 0)`;
  return [];
}

/** Adds the commands with a published reply to the inbox, so they are not decided again. Returns their number. */
export async function enterAnswered(tx: TransactionSql, asked: readonly AskedReservation[]): Promise<number> {
  const { count } = await tx`
    insert into inbox (message_id)
    select message_id
      from json_to_recordset(${JSON.stringify(asked)}::text::json) as a (message_id uuid, saga_id text, type text)
     where exists (select from outbox o
                    where o.partition_key = a.saga_id
                      and o.headers ->> 'type' = any(case a.type
                            when 'ReserveInventory' then array['InventoryReserved', 'InsufficientStock']
                            when 'ConfirmReservation' then array['ReservationConfirmed', 'ReservationLost']
                            else array['InventoryReleased'] end))
        on conflict do nothing`;
  return count;
}
