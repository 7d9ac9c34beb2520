// Read-only queries about sagas for operators, on each service's database. Times are epoch ms.
import type { Sql, TransactionSql } from "postgres";
import type { SagaStatus } from "../../schemas/http.ts";

export interface SagaSummary {
  readonly saga_id: string;
  readonly user_id: string;
  readonly table_version: number;
  readonly status: SagaStatus;
  readonly current_step: string;
  readonly compensation_step: string | null;
  readonly failure_code: string | null;
  readonly failure_message: string | null;
  readonly needs_operator: boolean;
  readonly total_cents: number | null;
  readonly currency: string;
  readonly order_id: string | null;
  readonly deadline_at: number | null;
  readonly created_at: number;
  readonly completed_at: number | null;
}

/** Newest first. */
export function listSagas(
  sql: Sql,
  filter: { readonly status: SagaStatus | null; readonly limit: number },
): Promise<SagaSummary[]> {
  return sql<SagaSummary[]>`
    select ${summary(sql)} from saga_state
     where ${filter.status}::text is null or status = ${filter.status}
     order by created_at desc limit ${filter.limit}`;
}

export async function findSaga(sql: Sql, sagaId: string): Promise<SagaSummary | undefined> {
  const [found] = await sql<SagaSummary[]>`select ${summary(sql)} from saga_state where saga_id = ${sagaId}`;
  return found;
}

/** By id; unknown ids are missing. */
export async function findSagas(
  sql: Sql,
  sagaIds: readonly string[],
): Promise<ReadonlyMap<string, SagaSummary>> {
  const found = await sql<
    SagaSummary[]
  >`select ${summary(sql)} from saga_state where saga_id = any(${[...sagaIds]}::uuid[])`;
  return new Map(found.map((saga) => [saga.saga_id, saga]));
}

/** The trace context of the saga; null if nobody records its trace, undefined if there is no such saga. */
export async function traceparentOf(sql: Sql, sagaId: string): Promise<string | null | undefined> {
  const [found] = await sql<{ traceparent: string | null }[]>`
    select traceparent from saga_state where saga_id = ${sagaId}`;
  return found?.traceparent;
}

/** The columns of a summary. */
export function summary(sql: Sql | TransactionSql) {
  return sql`
    saga_id, user_id, table_version, status, current_step, compensation_step, failure_code, failure_message,
    (needs_operator and completed_at is null) as needs_operator, total_cents::float8, currency, order_id, (extract(epoch from deadline_at) * 1000)::float8 as deadline_at,
    (extract(epoch from created_at) * 1000)::float8 as created_at,
    (extract(epoch from completed_at) * 1000)::float8 as completed_at`;
}

export interface HistoryRow {
  readonly history_id: number;
  readonly from_status: string;
  readonly to_status: string;
  readonly step: string;
  readonly message_id: string | null;
  readonly message_type: string;
  readonly note: string | null;
  readonly at: number;
}

export function historyOf(sql: Sql, sagaId: string): Promise<HistoryRow[]> {
  return sql<HistoryRow[]>`
    select history_id, from_status, to_status, step, message_id, message_type, note, (extract(epoch from at) * 1000)::float8 as at
      from saga_history where saga_id = ${sagaId} order by history_id`;
}

export interface ActionRow {
  readonly action: string;
  readonly actor: string;
  readonly reason: string;
  /** Null while it is in progress. */
  readonly outcome: string | null;
  readonly at: number;
}

/** The operator actions on the saga. */
export function actionsOn(sql: Sql, sagaId: string): Promise<ActionRow[]> {
  return sql<ActionRow[]>`
    select action, actor, reason, outcome, (extract(epoch from at) * 1000)::float8 as at
      from operator_actions where saga_id = ${sagaId} order by at, action_id`;
}

/** When the cancellations of the saga's order changed. */
export async function cancellationTimesOf(sql: Sql, sagaId: string): Promise<readonly number[]> {
  const rows = await sql<{ created_at: number; updated_at: number }[]>`
    select (extract(epoch from created_at) * 1000)::float8 as created_at, (extract(epoch from updated_at) * 1000)::float8 as updated_at
      from order_cancellations where saga_id = ${sagaId}`;
  return timesOf(rows);
}

export function timesOf(
  rows: readonly { readonly created_at: number; readonly updated_at: number }[],
): readonly number[] {
  return rows.flatMap(({ created_at, updated_at }) => [created_at, updated_at]);
}

/** A line of the cart, as it was ordered. */
export interface LineRow {
  readonly sku_id: string;
  readonly quantity: number;
  /** Null until the stock is reserved, which sets the price. */
  readonly unit_price_cents: number | null;
}

/** On the saga database; empty if there is no such saga. */
export async function linesOf(sql: Sql, sagaId: string): Promise<readonly LineRow[]> {
  const [found] = await sql<{ lines: readonly (Omit<LineRow, "unit_price_cents"> & Partial<LineRow>)[] }[]>`
    select coalesce(priced_items, cart_items) as lines from saga_state where saga_id = ${sagaId}`;
  const lines = found?.lines ?? [];
  return lines.map(({ sku_id, quantity, unit_price_cents = null }) => ({
    sku_id,
    quantity,
    unit_price_cents,
  }));
}

/** What the catalogue calls these products, on the inventory database. */
export function namesOf(
  sql: Sql,
  skus: readonly string[],
): Promise<{ readonly sku_id: string; readonly name: string }[]> {
  return sql<{ sku_id: string; name: string }[]>`
    select sku_id, name from inventory where sku_id = any(${[...skus]}::text[])`;
}

export interface ReservationRow {
  readonly reservation_id: string;
  readonly status: string;
  /** Null in a tombstone. */
  readonly sku_id: string | null;
  readonly quantity: number;
  readonly reserved_at: number;
  readonly expires_at: number;
}

export function reservationOf(sql: Sql, sagaId: string): Promise<ReservationRow[]> {
  return sql<ReservationRow[]>`
    select reservation_id, status, sku_id, quantity, (extract(epoch from reserved_at) * 1000)::float8 as reserved_at,
           (extract(epoch from expires_at) * 1000)::float8 as expires_at
      from reservations where saga_id = ${sagaId} order by line`;
}

/** A charge or a refund. */
export interface MoneyRow {
  readonly kind: "payment" | "refund";
  readonly id: string;
  readonly status: string;
  readonly amount_cents: number;
  readonly provider_id: string | null;
  readonly error_code: string | null;
  readonly attempts: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export function moneyOf(sql: Sql, sagaId: string): Promise<MoneyRow[]> {
  return sql<MoneyRow[]>`
    select 'payment' as kind, payment_id as id, status, amount_cents::float8, provider_txn_id as provider_id, error_code,
           attempts, (extract(epoch from created_at) * 1000)::float8 as created_at,
           (extract(epoch from updated_at) * 1000)::float8 as updated_at
      from payments where saga_id = ${sagaId}
     union all
    select 'refund', r.refund_id, r.status, r.amount_cents::float8, r.provider_refund_id, r.error_code, r.attempts,
           (extract(epoch from r.created_at) * 1000)::float8, (extract(epoch from r.updated_at) * 1000)::float8
      from refunds r join payments p using (payment_id) where p.saga_id = ${sagaId}`;
}

/** What a person must know about the saga's money. */
export interface AlertRow {
  readonly kind: string;
  readonly subject: string;
  readonly detail: string;
  readonly opened_at: number;
  readonly closed_at: number | null;
}

/** The open alerts, and the last few that were closed; newest first. */
export function alertsOf(sql: Sql, sagaId: string): Promise<AlertRow[]> {
  return sql<AlertRow[]>`
    select kind, subject, detail, (extract(epoch from opened_at) * 1000)::float8 as opened_at,
           (extract(epoch from closed_at) * 1000)::float8 as closed_at
      from payment_alerts where saga_id = ${sagaId} order by opened_at desc limit 20`;
}

export interface OrderRow {
  readonly order_id: string;
  readonly status: string;
  readonly total_cents: number;
  readonly created_at: number;
}

export function orderOf(sql: Sql, sagaId: string): Promise<OrderRow[]> {
  return sql<OrderRow[]>`
    select order_id, status, total_cents::float8, (extract(epoch from created_at) * 1000)::float8 as created_at
      from orders where saga_id = ${sagaId}`;
}

/** A message of the saga that is not published yet, or a failed command with a retry pending. */
export interface WaitingRow {
  readonly what: "unpublished" | "retry";
  readonly type: string;
  readonly message_id: string;
  readonly attempts: number;
  readonly error_message: string | null;
  readonly since: number;
}

/** Both queries read only waiting rows, never the whole outbox. */
export function waitingFor(sql: Sql, sagaId: string): Promise<WaitingRow[]> {
  return sql<WaitingRow[]>`
    select 'unpublished' as what, coalesce(headers ->> 'type', '') as type, event_id as message_id, 0 as attempts,
           null as error_message, (extract(epoch from created_at) * 1000)::float8 as since
      from outbox where not published and partition_key = ${sagaId}
     union all
    select 'retry', message_type, message_id, attempts, error_message, (extract(epoch from first_failed_at) * 1000)::float8
      from retry where saga_id = ${sagaId}`;
}
