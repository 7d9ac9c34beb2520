// The audit's SQL, read-only. Numbers and times are cast to types that JSON can carry, so that results do not depend on the settings of
// a connection. Long results come through a cursor, in batches.
import type { Sql, TransactionSql } from "postgres";
import type { SagaStatus } from "../../schemas/http.ts";
import type { Discard } from "./facts.ts";
import { firstUuidOf } from "./uuid.ts";

const ROWS_PER_FETCH = 2_000;
const IDS_PER_LOOKUP = 1_000;

/** All reads of `work` see the same snapshot. */
export async function inSnapshot<T>(sql: Sql, work: (tx: TransactionSql) => Promise<T>): Promise<T> {
  let result!: T;
  await sql.begin("isolation level repeatable read read only", async (tx) => {
    result = await work(tx);
  });
  return result;
}

/** Milliseconds since the epoch. */
export async function now(tx: TransactionSql): Promise<number> {
  const [row] = await tx<[{ now: number }]>`select round(extract(epoch from now()) * 1000)::float8 as now`;
  return row.now;
}

interface Line {
  readonly sku_id: string;
  readonly quantity: number;
  readonly unit_price_cents?: number;
}

export interface SagaRow {
  readonly saga_id: string;
  readonly status: SagaStatus;
  readonly created_at: number;
  readonly completed_at: number | null;
  readonly order_id: string | null;
  readonly cart_items: readonly Line[];
  readonly priced_items: readonly Line[] | null;
  readonly total_cents: number | null;
  readonly currency: string;
  /** `FROM>TO>MESSAGE` of each history row in order, separated by spaces. Leaves out notes of dead-lettered commands: they change no status. */
  readonly way: string;
}

export function sagas(tx: TransactionSql): AsyncIterable<readonly SagaRow[]> {
  return tx<SagaRow[]>`
    select s.saga_id, s.status, s.order_id, s.cart_items, s.priced_items, s.total_cents::float8, s.currency,
           (extract(epoch from s.created_at) * 1000)::float8 as created_at,
           (extract(epoch from s.completed_at) * 1000)::float8 as completed_at,
           coalesce((select string_agg(h.from_status || '>' || h.to_status || '>' || h.message_type, ' ' order by h.history_id)
                       from saga_history h
                      where h.saga_id = s.saga_id
                        and not (h.message_type = 'CommandDeadLettered' and h.from_status = h.to_status)), '') as way
      from saga_state s`.cursor(ROWS_PER_FETCH);
}

export interface CancellationRow {
  readonly saga_id: string;
  /** Null while it is in progress. */
  readonly completed_at: number | null;
}

/** Those that were not refused: at most one per saga. */
export async function cancellations(sql: Sql | TransactionSql): Promise<readonly CancellationRow[]> {
  return sql<CancellationRow[]>`
    select saga_id, (extract(epoch from completed_at) * 1000)::float8 as completed_at
      from order_cancellations where status <> 'REFUSED'`;
}

/** Which of these sagas exist. */
export async function existingSagas(sql: Sql, sagaIds: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await inChunks(
    sagaIds,
    (ids) => sql<{ saga_id: string }[]>`select saga_id from saga_state where saga_id = any(${ids}::uuid[])`,
  );
  return new Set(found.map(({ saga_id }) => saga_id));
}

export interface ReservationRow {
  readonly saga_id: string;
  readonly reservation_id: string;
  readonly status: string;
  readonly items: readonly Line[];
}

/** Leaves out tombstones, which hold nothing. */
export function reservations(tx: TransactionSql): AsyncIterable<readonly ReservationRow[]> {
  return tx<ReservationRow[]>`
    select saga_id, reservation_id, status,
           json_agg(json_build_object('sku_id', sku_id, 'quantity', quantity, 'unit_price_cents', unit_price_cents)) as items
      from reservations where sku_id is not null
     group by saga_id, reservation_id, status`.cursor(ROWS_PER_FETCH);
}

export interface StockRow {
  readonly sku_id: string;
  readonly stocked: number;
  readonly available: number;
  readonly held: number;
  readonly confirmed: number;
}

export function stock(tx: TransactionSql): AsyncIterable<readonly StockRow[]> {
  return tx<StockRow[]>`
    select i.sku_id, i.stocked_count::float8 as stocked, i.available_count::float8 as available,
           coalesce(r.held, 0)::float8 as held, coalesce(r.confirmed, 0)::float8 as confirmed
      from inventory i
      left join (select sku_id, sum(quantity) filter (where status = 'HELD') as held,
                        sum(quantity) filter (where status = 'CONFIRMED') as confirmed
                   from reservations group by sku_id) r using (sku_id)`.cursor(ROWS_PER_FETCH);
}

export interface PaymentRow {
  readonly saga_id: string;
  readonly payment_id: string;
  readonly status: string;
  readonly amount_cents: number;
  readonly currency: string | null;
  readonly provider_txn_id: string | null;
  readonly refunds: readonly {
    readonly refund_id: string;
    readonly status: string;
    readonly amount_cents: number;
    readonly provider_refund_id: string | null;
  }[];
}

/** The refunds that somebody else made at the provider, as the payment alerts say; open or closed. */
export function refundsElsewhere(tx: TransactionSql): Promise<{ readonly subject: string }[]> {
  return tx<{ subject: string }[]>`select subject from payment_alerts where kind = 'refund_elsewhere'`;
}

export function payments(tx: TransactionSql): AsyncIterable<readonly PaymentRow[]> {
  return tx<PaymentRow[]>`
    select saga_id, payment_id, status, amount_cents::float8, currency, provider_txn_id,
           coalesce((select json_agg(json_build_object('refund_id', refund_id, 'status', r.status,
                            'amount_cents', r.amount_cents, 'provider_refund_id', provider_refund_id))
                       from refunds r where r.payment_id = p.payment_id), '[]') as refunds
      from payments p`.cursor(ROWS_PER_FETCH);
}

export interface OrderRow {
  readonly saga_id: string;
  readonly order_id: string;
  readonly status: string;
  readonly items: readonly Line[];
  readonly total_cents: number;
  readonly currency: string | null;
}

export function orders(tx: TransactionSql): AsyncIterable<readonly OrderRow[]> {
  return tx<OrderRow[]>`
    select saga_id, order_id, status, items, total_cents::float8, currency from orders`.cursor(
    ROWS_PER_FETCH,
  );
}

export interface OutboxRow {
  readonly event_id: string;
  readonly topic: string;
  readonly type: string;
  readonly partition_key: string;
  readonly published_at: number | null;
  /**
   * What a reply names (a reservation, a charge, an order), or a forward command's own id; null for all other messages. An authorization is
   * named by its payment: at PayPal its money gets another id when it is taken, and a reply that is written again has that one.
   */
  readonly effect: string | null;
}

export function outbox(tx: TransactionSql): AsyncIterable<readonly OutboxRow[]> {
  return outboxColumns(tx, tx`true`).cursor(ROWS_PER_FETCH);
}

export function outboxRows(sql: Sql, eventIds: readonly string[]): Promise<readonly OutboxRow[]> {
  return inChunks(eventIds, (ids) => outboxColumns(sql, sql`event_id = any(${ids}::uuid[])`));
}

/** A view that hides the bodies: the auditor's role does not see addresses (migration 0038). */
function outboxColumns(sql: Sql | TransactionSql, condition: ReturnType<Sql>) {
  return sql<OutboxRow[]>`
    select event_id, topic, partition_key, coalesce(type, '') as type,
           (extract(epoch from published_at) * 1000)::float8 as published_at,
           case type
             when 'ReserveInventory' then event_id::text
             when 'ChargePayment' then event_id::text
             when 'AuthorizePayment' then event_id::text
             when 'CapturePayment' then event_id::text
             when 'ConfirmReservation' then event_id::text
             when 'CreateOrder' then event_id::text
             when 'InventoryReserved' then reservation_id
             when 'ReservationConfirmed' then reservation_id
             when 'InsufficientStock' then 'a refusal'
             when 'ReservationLost' then 'a refusal'
             when 'PaymentAuthorized' then payment_id
             when 'PaymentSucceeded' then transaction_id
             when 'PaymentFailed' then 'a refusal'
             when 'RefundCompleted' then payment_id
             when 'OrderCreated' then order_id
             when 'OrderFailed' then 'a refusal'
           end as effect
      from outbox_effects where ${condition}`;
}

/** Days for which the outbox has a partition, as milliseconds since the epoch, latest first. */
export async function outboxDays(sql: Sql): Promise<readonly number[]> {
  const rows = await sql<{ day: number }[]>`
    select (extract(epoch from to_date(right(c.relname, 8), 'YYYYMMDD')) * 1000)::float8 as day
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass('outbox') and c.relname ~ '^outbox_[0-9]{8}$'
     order by day desc`;
  return rows.map(({ day }) => day);
}

/** Whether any message waits to be published or retried. */
export async function hasWaiting(sql: Sql): Promise<boolean> {
  const [row] = await sql<[{ waiting: boolean }]>`
    select exists (select from outbox_effects where not published) or exists (select from retry) as waiting`;
  return row.waiting;
}

export async function hasOpenSagas(sql: Sql): Promise<boolean> {
  const [row] = await sql<[{ open: boolean }]>`
    select exists (select from saga_state where completed_at is null)
           or exists (select from order_cancellations where completed_at is null) as open`;
  return row.open;
}

export interface BacklogRow {
  readonly count: number;
  readonly oldest_at: number | null;
}

export async function unpublished(tx: TransactionSql): Promise<BacklogRow> {
  const [row] = await tx<[BacklogRow]>`
    select count(*)::float8 as count, (extract(epoch from min(created_at)) * 1000)::float8 as oldest_at
      from outbox_effects where not published`;
  return row;
}

export async function retries(tx: TransactionSql): Promise<BacklogRow> {
  const [row] = await tx<[BacklogRow]>`
    select count(*)::float8 as count, (extract(epoch from min(first_failed_at)) * 1000)::float8 as oldest_at from retry`;
  return row;
}

export async function repeatedInboxIds(tx: TransactionSql, limit: number): Promise<readonly string[]> {
  const rows = await tx<{ message_id: string }[]>`
    select message_id from inbox group by message_id having count(*) > 1 limit ${limit}`;
  return rows.map(({ message_id }) => message_id);
}

/** Ids of messages written since `since`, epoch ms. */
export function inboxIds(
  tx: TransactionSql,
  since: number,
): AsyncIterable<readonly { readonly message_id: string }[]> {
  return tx<{ message_id: string }[]>`
    select message_id from inbox where message_id >= ${firstUuidOf(since)}::uuid`.cursor(ROWS_PER_FETCH);
}

/** Which of these messages are in the inbox, or wait for a retry. */
export async function takenOrRetried(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await inChunks(
    ids,
    (chunk) => sql<{ message_id: string }[]>`
      select message_id from inbox where message_id = any(${chunk}::uuid[])
       union all select message_id from retry where message_id = any(${chunk}::uuid[])`,
  );
  return new Set(found.map(({ message_id }) => message_id));
}

/** Which of these dead letters were discarded, or replayed with a known outcome. */
export async function handledDeadLetters(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await inChunks(
    ids,
    (chunk) => sql<{ subject: string }[]>`
      select subject from operator_actions
       where action in ('dead-letter.replay', 'dead-letter.discard') and outcome <> 'refused' and subject = any(${chunk})`,
  );
  return new Set(found.map(({ subject }) => subject));
}

export interface DiscardRow extends Discard {
  readonly dead_letter_id: string;
}

/** By dead letter id; those that were not discarded are missing. */
export async function discards(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, Discard>> {
  const found = await inChunks(
    ids,
    (chunk) => sql<DiscardRow[]>`
      select subject as dead_letter_id, actor, reason, (extract(epoch from at) * 1000)::float8 as at
        from operator_actions
       where action = 'dead-letter.discard' and subject = any(${chunk})`,
  );
  return new Map(found.map(({ dead_letter_id, ...discard }) => [dead_letter_id, discard]));
}

/** Which of these messages were dead letters that an operator discarded. */
export async function discardedMessages(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await inChunks(
    ids,
    (chunk) => sql<{ message_id: string }[]>`
      select message_id from operator_actions
       where action = 'dead-letter.discard' and message_id = any(${chunk}::uuid[])`,
  );
  return new Set(found.map(({ message_id }) => message_id));
}

async function inChunks<Row>(
  ids: readonly string[],
  query: (chunk: string[]) => PromiseLike<readonly Row[]>,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let start = 0; start < ids.length; start += IDS_PER_LOOKUP) {
    // One lookup at a time: the audit must not slow the services down.
    rows.push(...(await query(ids.slice(start, start + IDS_PER_LOOKUP))));
  }
  return rows;
}
