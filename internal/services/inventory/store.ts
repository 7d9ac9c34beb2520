// Inventory's tables: what one batch or one sweep reads, locks and writes. Called by handler.ts and sweeper.ts.
//
// Every transaction locks in one order: reservations by (saga_id, line), then stock by sku_id. Two transactions that share carts or
// SKUs therefore wait for each other but never deadlock. A row that does not exist yet cannot be locked: if two transactions insert
// one saga's reservation, the primary key rejects the second, and it runs again.
import type { PendingQuery } from "postgres";
import { assert } from "../../kernel/errors.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Tx } from "../../messaging/database.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import type { HeldRow } from "../../messaging/held-rows.ts";
import { identity } from "../../messaging/past-store.ts";
import type { Decision, Reservation, ReservationStatus, StockItem } from "./decide.ts";

/** The working set of one transaction: the rows that were read, and the changes to them. */
export interface InventoryRows {
  /** By saga. */
  readonly reservations: Map<string, Reservation>;
  /** By SKU. */
  readonly stock: Map<string, StockItem>;
  /** Sagas whose reservation this transaction makes. */
  readonly made: Set<string>;
  /** Sagas whose stored reservation gets a new status or a new expiry. */
  readonly changed: Set<string>;
  /** The summed change of each SKU: a hot SKU needs one row update, however many carts want it. */
  readonly deltas: Map<string, number>;
  /** The events of the transaction, in order. */
  readonly out: Outgoing[];
}

export interface Lookup {
  readonly sagas: readonly string[];
  /** The members of `sagas` whose reservation may be released, whatever its status. */
  readonly releasing: readonly string[];
  /** SKUs to reserve. */
  readonly skus: readonly string[];
}

/** Reads and locks in one round trip: both statements are sent before the first result is awaited. */
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

/** Adds a decision to the working set, so that the next decision in the batch sees it. */
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
    assert(item !== undefined, `stock of ${sku_id} changes without a lock`);
    rows.stock.set(sku_id, { ...item, available_count: item.available_count + delta });
    rows.deltas.set(sku_id, (rows.deltas.get(sku_id) ?? 0) + delta);
  }
}

/** The statements that write the working set back; none if nothing changed. `now` in epoch ms. */
export function saveRows(tx: Tx, rows: InventoryRows, now: number): readonly PromiseLike<unknown>[] {
  const deltas = [...rows.deltas].filter(([, delta]) => delta !== 0);
  const made = [...rows.made].toSorted().map((saga_id) => reservationIn(rows, saga_id));
  const changed = [...rows.changed].map((saga_id) => reservationIn(rows, saga_id));
  return [
    ...(deltas.length > 0 ? [changeStock(tx, deltas, now)] : []),
    ...(made.length > 0 ? [insertReservations(tx, made)] : []),
    ...(changed.length > 0 ? [updateReservations(tx, changed)] : []),
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
 * Claims up to `limit` expired holds with all their lines. Only line 0 is locked; it stands for the whole reservation. Skips
 * reservations that another transaction has locked, which the next sweep finds again, and the sagas `without`. When `compared` names a
 * database (messaging/past-watch.ts), nothing is claimed in any other.
 */
export function claimExpired(
  tx: Tx,
  now: number,
  limit: number,
  without: readonly string[],
  compared: string | null = null,
): PendingQuery<LineRow[]> {
  return tx<LineRow[]>`
    with claimed as materialized (
      select saga_id from reservations
       where status = 'HELD' and line = 0 and expires_at <= ${now}::timestamptz
         and saga_id <> all(${[...without]}::uuid[])
         and (${compared}::text is null or ${identity(tx, "inventory")} = ${compared})
       order by expires_at
       limit ${limit}
         for no key update skip locked)
    select reservation_id, saga_id, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status
      from reservations
     where saga_id = any(array(select saga_id from claimed))
     order by saga_id, line`;
}

/** A saga and one SKU that it wants to reserve. */
interface Want {
  readonly saga_id: string;
  readonly sku_id: string;
}

/**
 * Locks those rows of `loadRows` that are free and returns those that another transaction has locked, once for each saga that wants
 * them. Waits for none.
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
 * Locks the SKUs to reserve, the SKUs of reservations to release, and those of expired reservations, which a confirm takes again. A
 * confirm of a live hold touches no stock and must not wait for a hot SKU. The array makes the planner look rows up by key.
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
 * The rows are locked, so only a bug can make one of the two guards fail. They make overselling impossible even then.
 *
 * In both updates the array makes the planner look rows up by key. With the join alone it read a whole catalogue of 10,000 SKUs for
 * one cart. For each batch it also read a whole new reservations table, because the statistics still said that the table is small.
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

function updateReservations(tx: Tx, reservations: readonly Reservation[]) {
  const changes = reservations.map(({ saga_id, status, expires_at }) => ({
    saga_id,
    status,
    expires_at: timestampOf(expires_at),
  }));
  const lineCount = reservations.reduce((sum, { lines }) => sum + lines.length, 0);
  return tx`
    with change as materialized (
      select saga_id, status, expires_at
        from json_to_recordset(${JSON.stringify(changes)}::text::json)
          as change (saga_id uuid, status text, expires_at timestamptz)),
    changed as (
      update reservations r
         set status = change.status, expires_at = change.expires_at
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

/** A tombstone has no lines but one row, which blocks a later insert of the reservation. */
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
  assert(reservation !== undefined, `saga ${saga_id} is marked as changed but has no reservation`);
  return reservation;
}
