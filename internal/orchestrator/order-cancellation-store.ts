// The table of cancellations: read and locked, inserted, written back. Called by saga-batch.ts, cancel-order.ts and
// order-cancellation-timers.ts.
import type { PendingQuery, Sql } from "postgres";
import { LONGEST_PAUSE_MS } from "../kernel/backoff.ts";
import { timestampOf, timestampOrNull } from "../kernel/timestamp.ts";
import type { Tx } from "../messaging/database.ts";
import type { HeldRow } from "../messaging/held-rows.ts";
import type { OrderCancellation } from "./order-cancellation.ts";

const columns = (sql: Sql | Tx) => sql`
  cancellation_id, saga_id, order_id, status, step, order_status, resend_count, needs_operator, deadline_at, created_at, updated_at,
  completed_at`;

/** Reads and locks the cancellations of these checkouts, oldest first per checkout. */
export function lockCancellations(tx: Tx, sagaIds: readonly string[]): PendingQuery<OrderCancellation[]> {
  return tx<OrderCancellation[]>`
    select ${columns(tx)} from order_cancellations
     where saga_id = any(${[...sagaIds]}::uuid[]) order by saga_id, cancellation_id for update`;
}

/** Locks those that are free and returns the checkouts with one that another transaction has locked, without waiting. */
export function heldCancellations(tx: Tx, sagaIds: readonly string[]): PendingQuery<HeldRow[]> {
  return tx<HeldRow[]>`
    with free as materialized (
      select cancellation_id from order_cancellations
       where saga_id = any(${[...sagaIds]}::uuid[]) order by saga_id, cancellation_id for update skip locked)
    select distinct saga_id, 'order_cancellations, saga ' || saga_id as row
      from order_cancellations
     where saga_id = any(${[...sagaIds]}::uuid[])
       and cancellation_id <> all(array(select cancellation_id from free))`;
}

/**
 * A deadline beyond the longest possible delay comes from a fast clock that was corrected since: the command is due again `delayMs` from
 * now instead of a day later. Locked cancellations have their turn in a later run.
 */
export function pullInCancellations(tx: Tx, now: number, delayMs: number): PromiseLike<unknown> {
  return tx`
    update order_cancellations set deadline_at = ${now + delayMs}::timestamptz
     where cancellation_id = any(array(
             select cancellation_id from order_cancellations
              where completed_at is null and deadline_at > ${now + LONGEST_PAUSE_MS}::timestamptz
                for update skip locked))`;
}

/** Claims cancellations whose deadline has passed. Skips those that other replicas have locked. `now` in epoch ms. */
export function claimOverdueCancellations(
  tx: Tx,
  now: number,
  limit: number,
): PendingQuery<OrderCancellation[]> {
  return tx<OrderCancellation[]>`
    select ${columns(tx)} from order_cancellations
     where completed_at is null and deadline_at <= ${now}::timestamptz
     order by deadline_at limit ${limit} for update skip locked`;
}

export function insertCancellation(tx: Tx, made: OrderCancellation): PromiseLike<unknown> {
  return tx`
    insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, deadline_at, created_at, updated_at)
    values (${made.cancellation_id}, ${made.saga_id}, ${made.order_id}, ${made.status}, ${made.step},
            ${timestampOrNull(made.deadline_at)}::timestamptz, ${timestampOf(made.created_at)}::timestamptz,
            ${timestampOf(made.updated_at)}::timestamptz)`;
}

export function saveCancellations(tx: Tx, changed: readonly OrderCancellation[]): PromiseLike<unknown> {
  const rows = changed.map((one) => ({
    ...one,
    deadline_at: timestampOrNull(one.deadline_at),
    updated_at: timestampOf(one.updated_at),
    completed_at: timestampOrNull(one.completed_at),
  }));
  return tx`
    with change as materialized (
      select *
        from json_to_recordset(${JSON.stringify(rows)}::text::json) as change (
             cancellation_id uuid, status text, step text, order_status text, resend_count integer, needs_operator boolean,
             deadline_at timestamptz, updated_at timestamptz, completed_at timestamptz))
    update order_cancellations o
       set status = c.status, step = c.step, order_status = c.order_status, resend_count = c.resend_count,
           needs_operator = c.needs_operator, deadline_at = c.deadline_at, updated_at = c.updated_at, completed_at = c.completed_at
      from change c
     where o.cancellation_id = any(array(select cancellation_id from change))
       and o.cancellation_id = c.cancellation_id`;
}
