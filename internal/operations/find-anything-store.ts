// Where an id may live, one statement per database. Called by find-anything.ts.
import type { Sql, TransactionSql } from "postgres";
import { UUID } from "../kernel/uuid.ts";
import { readInOrder, readSummarized } from "./read-in-order-store.ts";
import type { ShortId } from "./short-id.ts";

export interface Hit {
  readonly kind:
    | "saga"
    | "user"
    | "order"
    | "payment"
    | "refund"
    | "reservation"
    | "cancellation"
    | "dead_letter"
    | "message"
    | "charge"
    | "payment_alert"
    | "run"
    | "product"
    | "client_key";
  readonly id: string;
  readonly saga_id: string | null;
  /** A few words for people, such as the status. */
  readonly what: string;
}

/** More would be no lookup but a search. */
const MAX_HITS = 20;

export function uuidInSaga(sql: Sql, id: string): Promise<Hit[]> {
  return readSummarized(
    sql,
    (tx) => tx<Hit[]>`
    select 'saga' as kind, saga_id::text as id, saga_id, status as what from saga_state where saga_id = ${id}
     union all
    select 'user', ${id}::text, null, 'has sagas' where exists (select from saga_state where user_id = ${id})
     union all
    select 'cancellation', cancellation_id::text, saga_id, status from order_cancellations where cancellation_id = ${id}
     union all
    select 'run', plan_id::text, null, kind || ', ' || state from operator_plans where plan_id = ${id}
     union all
    select 'dead_letter', subject, saga_id, action || ' by ' || actor || coalesce(', ' || outcome, ', under way')
      from operator_actions
     where subject = ${id}::text and action in ('dead-letter.replay', 'dead-letter.discard') and outcome is distinct from 'refused'
     union all
    (select 'message', message_id::text, saga_id, message_type || ', handled' from saga_history where message_id = ${id} limit ${MAX_HITS})`,
  );
}

/** Ids of the saga database with this short form, at most 20 of each kind. */
export function shortInSaga(sql: Sql, short: ShortId): Promise<readonly string[]> {
  return idsOf(
    sql,
    (tx) => tx<{ id: string }[]>`
    (select saga_id::text as id from saga_state where ${isShort(tx, "saga_id", short)} limit ${MAX_HITS})
     union
    (select user_id::text from saga_state where ${isShort(tx, "user_id", short)} limit ${MAX_HITS})
     union
    (select plan_id::text from operator_plans where ${isShort(tx, "plan_id", short)} limit ${MAX_HITS})`,
  );
}

export function shortInPayment(sql: Sql, short: ShortId): Promise<readonly string[]> {
  return idsOf(
    sql,
    (tx) => tx<{ id: string }[]>`
    (select payment_id::text as id from payments where ${isShort(tx, "payment_id", short)} limit ${MAX_HITS})
     union
    (select alert_id::text from payment_alerts where ${isShort(tx, "alert_id", short)} limit ${MAX_HITS})`,
  );
}

export function shortInOrder(sql: Sql, short: ShortId): Promise<readonly string[]> {
  return idsOf(
    sql,
    (tx) => tx<{ id: string }[]>`
    select order_id::text as id from orders where ${isShort(tx, "order_id", short)} limit ${MAX_HITS}`,
  );
}

/** Through the index of the column, which begins with the time. */
function isShort(tx: TransactionSql, column: string, { from, to, tail }: ShortId) {
  const id = tx(column);
  return tx`${id} between ${from}::uuid and ${to}::uuid and right(${id}::text, 4) = ${tail}`;
}

async function idsOf(
  sql: Sql,
  read: (tx: TransactionSql) => PromiseLike<readonly { readonly id: string }[]>,
): Promise<readonly string[]> {
  const rows = await readInOrder(sql, read);
  return rows.map(({ id }) => id);
}

/**
 * Messages of one database that are still in its outbox, or wait for another attempt. The key of one is its saga, except that of a dead letter
 * whose message has none.
 */
export function messageIn(sql: Sql, id: string): Promise<Hit[]> {
  return sql<Hit[]>`
    select 'message' as kind, event_id::text as id, case when partition_key ~ ${UUID.source} then partition_key end as saga_id,
           coalesce(headers ->> 'type', 'message') || case when published then ', sent' else ', not sent yet' end as what
      from outbox where event_id = ${id}
     union all
    select 'message', message_id::text, saga_id::text, message_type || ', waits for another attempt' from retry where message_id = ${id}`;
}

export function uuidInInventory(sql: Sql, id: string): Promise<Hit[]> {
  return readSummarized(
    sql,
    (tx) => tx<Hit[]>`
    select 'reservation' as kind, reservation_id::text as id, saga_id, status as what
      from reservations where reservation_id = ${id} and line = 0`,
  );
}

export function uuidInPayment(sql: Sql, id: string): Promise<Hit[]> {
  return sql<Hit[]>`
    select 'payment' as kind, payment_id::text as id, saga_id, status as what from payments where payment_id = ${id}
     union all
    select 'refund', refund_id::text, saga_id, refunds.status from refunds join payments using (payment_id) where refund_id = ${id}
     union all
    select 'payment_alert', alert_id::text, saga_id, kind || case when closed_at is null then ', open' else ', closed' end
      from payment_alerts where alert_id = ${id}`;
}

export function uuidInOrder(sql: Sql, id: string): Promise<Hit[]> {
  return sql<Hit[]>`
    select 'order' as kind, order_id::text as id, saga_id, status as what from orders where order_id = ${id}`;
}

export function product(sql: Sql, sku: string): Promise<Hit[]> {
  return sql<Hit[]>`
    select 'product' as kind, sku_id as id, null as saga_id, name as what from inventory where sku_id = ${sku}`;
}

/** Also what only the provider's ledger has. */
export function chargeAtProvider(sql: Sql, id: string): Promise<Hit[]> {
  return sql<Hit[]>`
    select 'charge' as kind, ${id}::text as id, saga_id, status as what from payments where provider_txn_id = ${id}
     union all
    select 'charge', ${id}::text, saga_id, status from payments
     where action_txn_id = ${id} and provider_txn_id is distinct from ${id}
     union all
    select 'refund', ${id}::text, saga_id, refunds.status from refunds join payments using (payment_id) where provider_refund_id = ${id}
     union all
    (select 'payment_alert', alert_id::text, saga_id, kind || case when closed_at is null then ', open' else ', closed' end
       from payment_alerts where subject = ${id} order by opened_at desc limit ${MAX_HITS})`;
}

export function sagasOfKey(sql: Sql, sagaIds: readonly string[], key: string): Promise<Hit[]> {
  return sql<Hit[]>`
    select 'client_key' as kind, ${key}::text as id, saga_id, status as what
      from saga_state where saga_id = any(${[...sagaIds]}::uuid[]) order by saga_id desc`;
}
