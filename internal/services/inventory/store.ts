// Inventory's tables: what one batch, or one sweep, reads, locks and writes. Called by handler.ts and sweeper.ts.
//
// Locks are taken in one order by everyone: reservations by (saga_id, line), then stock by sku_id. Two transactions that
// share carts or SKUs therefore wait for one another and never in a circle. Rows that do not exist yet cannot be locked:
// two transactions that both insert one saga's reservation meet at its primary key, and the second is run again.
import type { PendingQuery } from "postgres";
import { assert } from "../../kernel/errors.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Tx } from "../../messaging/database.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import type { HeldRow } from "../../messaging/held-rows.ts";
import type { Decision, Reservation, ReservationStatus, StockItem } from "./decide.ts";

/** The working set of one transaction: what was read, and what became of it. */
export interface InventoryRows {
  /** By saga. */
  readonly reservations: Map<string, Reservation>;
  /** By SKU. */
  readonly stock: Map<string, StockItem>;
  /** Sagas whose reservation was made in this transaction. */
  readonly made: Set<string>;
  /** Sagas whose stored reservation has another status now. */
  readonly changed: Set<string>;
  /** What the transaction adds to each SKU, summed up: a hot SKU is one row update however many carts want it. */
  readonly deltas: Map<string, number>;
  /** What the transaction says, in order. */
  readonly out: Outgoing[];
}

export interface Lookup {
  readonly sagas: readonly string[];
  /** Those of `sagas` whose reservation may be given back whatever its status is. */
  readonly releasing: readonly string[];
  /** SKUs that are to be reserved. */
  readonly skus: readonly string[];
}

/** Reads and locks in one round trip: both statements are on their way before the first answer is awaited. */
export async function loadRows(tx: Tx, lookup: Lookup): Promise<InventoryRows> {
  const statements = [lockReservations(tx, lookup.sagas), lockStock(tx, lookup)] as const;
  return workingSet(...(await Promise.all(statements)));
}

export function workingSet(lines: readonly LineRow[], stock: readonly StockRow[]): InventoryRows {
  return {
    reservations: reservationsOf(lines),
    stock: new Map(stock.map(({ sku_id, ...item }) => [sku_id, item])),
    made: new Set(),
    changed: new Set(),
    deltas: new Map(),
    out: [],
  };
}

/** Makes a decision part of the working set, so that the next one in the batch sees it. */
export function applyDecision(rows: InventoryRows, saga_id: string, decision: Decision): void {
  const before = rows.reservations.get(saga_id);
  const { reservation, stockChanges, out } = decision;
  rows.out.push(...out);
  if (reservation !== null && reservation !== before) {
    rows.reservations.set(saga_id, reservation);
    if (before === undefined) rows.made.add(saga_id);
    else if (!rows.made.has(saga_id)) rows.changed.add(saga_id);
  }
  for (const { sku_id, delta } of stockChanges) {
    const item = rows.stock.get(sku_id);
    assert(item !== undefined, `stock of ${sku_id} changes without having been locked`);
    rows.stock.set(sku_id, { ...item, available_count: item.available_count + delta });
    rows.deltas.set(sku_id, (rows.deltas.get(sku_id) ?? 0) + delta);
  }
}

/** The statements that write the working set back; none where nothing changed. `now` in epoch ms. */
export function saveRows(tx: Tx, rows: InventoryRows, now: number): readonly PromiseLike<unknown>[] {
  const deltas = [...rows.deltas].filter(([, delta]) => delta !== 0);
  const made = [...rows.made].toSorted().map((saga_id) => reservationIn(rows, saga_id));
  const changed = [...rows.changed].map((saga_id) => reservationIn(rows, saga_id));
  return [
    ...(deltas.length > 0 ? [changeStock(tx, deltas, now)] : []),
    ...(made.length > 0 ? [insertReservations(tx, made)] : []),
    ...(changed.length > 0 ? [setStatus(tx, changed)] : []),
  ];
}

interface LineRow {
  readonly reservation_id: string;
  readonly saga_id: string;
  /** Null in a tombstone. */
  readonly sku_id: string | null;
  readonly quantity: number;
  readonly unit_price_cents: number;
  readonly reserved_at: number;
  readonly expires_at: number;
  readonly status: ReservationStatus;
}

function lockReservations(tx: Tx, sagas: readonly string[]): PendingQuery<LineRow[]> {
  return tx<LineRow[]>`
    select reservation_id, saga_id, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status
      from reservations
     where saga_id = any(${[...sagas]}::uuid[])
     order by saga_id, line
       for no key update`;
}

/**
 * Claims up to `limit` reservations whose hold has passed its time, all lines of each. Only line 0 is locked, which stands
 * for the whole; a reservation that somebody is working on is skipped and comes up again in the next sweep. So are those of the
 * sagas `without`.
 */
export function claimExpired(
  tx: Tx,
  now: number,
  limit: number,
  without: readonly string[],
): PendingQuery<LineRow[]> {
  return tx<LineRow[]>`
    with claimed as materialized (
      select saga_id from reservations
       where status = 'HELD' and line = 0 and expires_at <= ${now}::timestamptz
         and saga_id <> all(${[...without]}::uuid[])
       order by expires_at
       limit ${limit}
         for no key update skip locked)
    select reservation_id, saga_id, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status
      from reservations
     where saga_id = any(array(select saga_id from claimed))
     order by saga_id, line`;
}

/** Which saga wants to reserve which SKU. */
interface Want {
  readonly saga_id: string;
  readonly sku_id: string;
}

/**
 * Locks the reservations and the stock that are free of what `loadRows` would lock, and returns what another transaction holds, for each
 * saga that wants it, without waiting for any.
 */
export function heldRows(
  tx: Tx,
  { sagas, releasing }: Omit<Lookup, "skus">,
  wants: readonly Want[],
): PendingQuery<HeldRow[]> {
  return tx<HeldRow[]>`
    with want as materialized (
      select saga_id, sku_id from json_to_recordset(${JSON.stringify(wants)}::text::json) as want (saga_id uuid, sku_id text)
       union
      select saga_id, sku_id from reservations
       where saga_id = any(${[...sagas]}::uuid[]) and sku_id is not null
         and (status = 'EXPIRED' or saga_id = any(${[...releasing]}::uuid[]))),
    free_lines as materialized (
      select saga_id, line from reservations
       where saga_id = any(${[...sagas]}::uuid[])
       order by saga_id, line
         for no key update skip locked),
    free_stock as materialized (
      select sku_id from inventory
       where sku_id = any(array(select sku_id from want))
       order by sku_id
         for no key update skip locked),
    held_lines as (
      select saga_id, line from reservations where saga_id = any(${[...sagas]}::uuid[])
      except select saga_id, line from free_lines),
    held_stock as materialized (
      select sku_id from inventory where sku_id = any(array(select sku_id from want))
      except select sku_id from free_stock)
    select saga_id, 'reservations, saga ' || saga_id as row from held_lines
     union
    select saga_id, 'inventory, SKU ' || sku_id from want where sku_id = any(array(select sku_id from held_stock))`;
}

type StockRow = StockItem & { readonly sku_id: string };

/**
 * The SKUs to reserve, those of reservations to release, and those of expired ones, which a confirm takes again. A confirm
 * of a live hold touches no stock and must not wait for a hot SKU. The array makes the planner probe the key.
 */
export function lockStock(tx: Tx, { sagas, releasing, skus }: Lookup): PendingQuery<StockRow[]> {
  return tx<StockRow[]>`
    select sku_id, available_count, unit_price_cents, currency
      from inventory
     where sku_id = any(array(
             select unnest(${[...skus]}::text[])
              union
             select sku_id from reservations
              where saga_id = any(${[...sagas]}::uuid[])
                and (status = 'EXPIRED' or saga_id = any(${[...releasing]}::uuid[]))))
     order by sku_id
       for no key update`;
}

/**
 * The rows are locked, so neither guard can fail while this code is right; they make oversell impossible where it is not.
 *
 * In both updates the array makes the planner probe the key. By the join alone it read the whole of a catalogue of 10,000
 * SKUs for one cart, and the whole of a young reservations table, whose statistics say that it is small, for each batch.
 */
function changeStock(tx: Tx, deltas: readonly (readonly [string, number])[], now: number) {
  const changes = deltas.map(([sku_id, delta]) => ({ sku_id, delta }));
  return tx`
    with change as materialized (
      select sku_id, delta
        from json_to_recordset(${JSON.stringify(changes)}::text::json) as change (sku_id text, delta bigint)),
    changed as (
      update inventory i
         set available_count = i.available_count + change.delta, updated_at = ${now}::timestamptz
        from change
       where i.sku_id = any(array(select sku_id from change))
         and i.sku_id = change.sku_id
         and i.available_count >= -change.delta
      returning 1)
    select require_rows('stock', (select count(*) from changed), ${changes.length}::bigint)`;
}

function insertReservations(tx: Tx, reservations: readonly Reservation[]) {
  const lines = reservations.flatMap(linesOf);
  return tx`
    insert into reservations
      (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
    select reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status
      from json_to_recordset(${JSON.stringify(lines)}::text::json)
        as made (reservation_id uuid, saga_id uuid, line integer, sku_id text, quantity integer,
                 unit_price_cents bigint, reserved_at timestamptz, expires_at timestamptz, status text)`;
}

function setStatus(tx: Tx, reservations: readonly Reservation[]) {
  const changes = reservations.map(({ saga_id, status }) => ({ saga_id, status }));
  const lineCount = reservations.reduce((sum, { lines }) => sum + lines.length, 0);
  return tx`
    with change as materialized (
      select saga_id, status
        from json_to_recordset(${JSON.stringify(changes)}::text::json) as change (saga_id uuid, status text)),
    changed as (
      update reservations r
         set status = change.status
        from change
       where r.saga_id = any(array(select saga_id from change))
         and r.saga_id = change.saga_id
      returning 1)
    select require_rows('reservations', (select count(*) from changed), ${lineCount}::bigint)`;
}

function reservationsOf(rows: readonly LineRow[]): Map<string, Reservation> {
  const bySaga = Map.groupBy(rows, ({ saga_id }) => saga_id);
  const reservations = new Map<string, Reservation>();
  for (const [saga_id, lines] of bySaga) {
    const [first] = lines;
    assert(first !== undefined, "a group has a first member");
    const { reservation_id, status, reserved_at, expires_at } = first;
    reservations.set(saga_id, {
      reservation_id,
      saga_id,
      status,
      lines: lines.flatMap(({ sku_id, quantity, unit_price_cents }) =>
        sku_id === null ? [] : [{ sku_id, quantity, unit_price_cents }],
      ),
      reserved_at,
      expires_at,
    });
  }
  return reservations;
}

/** A tombstone has no lines but still one row, which keeps the place of the reservation that must not come. */
const TOMBSTONE_LINES = [{ sku_id: null, quantity: 0, unit_price_cents: 0 }];

function linesOf(reservation: Reservation) {
  const { reservation_id, saga_id, status } = reservation;
  const reserved_at = timestampOf(reservation.reserved_at);
  const expires_at = timestampOf(reservation.expires_at);
  const lines = reservation.lines.length > 0 ? reservation.lines : TOMBSTONE_LINES;
  return lines.map(({ sku_id, quantity, unit_price_cents }, line) => ({
    reservation_id,
    saga_id,
    line,
    sku_id,
    quantity,
    unit_price_cents,
    reserved_at,
    expires_at,
    status,
  }));
}

function reservationIn(rows: InventoryRows, saga_id: string): Reservation {
  const reservation = rows.reservations.get(saga_id);
  assert(reservation !== undefined, `saga ${saga_id} is marked as written without a reservation`);
  return reservation;
}
