// The SQL for erasing a shopper. Data that identifies no person stays: amounts, items, times, status, country, and the user id,
// which only the identity provider can map to a person.
import type { Sql, TransactionSql } from "postgres";
import { ERASED, ERASED_ADDRESS } from "../../schemas/fields.ts";

/** A message is written in the transaction that changes its saga. Its id's time and the row's time differ by at most this. */
const CLOCK_SLACK = "2 minutes";

export interface Unfinished {
  /** Checkouts and cancellations of orders in progress. */
  readonly sagas: number;
  /** The shopper's messages that are not published to Kafka yet. */
  readonly unpublished: number;
}

/** The work in progress that prevents erasing a shopper now. */
export async function unfinishedOf(sql: Sql, userId: string): Promise<Unfinished> {
  const [row] = await sql<[Unfinished]>`
    select (select count(*) from saga_state where user_id = ${userId} and completed_at is null)::int
             + (select count(*) from saga_state s join order_cancellations c using (saga_id)
                 where s.user_id = ${userId} and c.completed_at is null)::int as sagas,
           (select count(*) from outbox
             where not published and partition_key in (select saga_id::text from saga_state where user_id = ${userId}))::int
             as unpublished`;
  return row;
}

/** Returns how many sagas still had personal data. A tool from before the cards erased all but the card. */
export async function eraseSagas(tx: TransactionSql, userId: string): Promise<number> {
  const { count } = await tx`
    update saga_state
       set email = ${ERASED.email}, card = null,
           shipping_address = ${ERASED_ADDRESS}::text::jsonb || jsonb_build_object('country', shipping_address -> 'country')
     where user_id = ${userId} and completed_at is not null and (email <> ${ERASED.email} or card is not null)`;
  return count;
}

/**
 * Erases the same data from the messages that the outbox keeps for a week. Ids are ordered by time, so only the minutes of each
 * saga are read, and those in which its order was shipped or cancelled. `offset 0` keeps the planner from joining them with the whole
 * outbox instead: a partition key has no index. Returns how many messages changed.
 */
export async function eraseOutbox(tx: TransactionSql, userId: string): Promise<number> {
  const { count } = await tx`
    update outbox as message
       set payload = case message.headers ->> 'type'
             when 'SendNotification' then jsonb_set(payload - 'tracking' - 'card', '{email}', to_jsonb(${ERASED.email}::text))
             when 'ReserveInventory' then payload - 'checkout'
             else jsonb_set(payload - 'card', '{shipping_address}', ${ERASED_ADDRESS}::text::jsonb
               || jsonb_build_object('country', payload -> 'shipping_address' -> 'country')) end
     where message.published and message.event_id = any(array(
       select found.event_id
         from (select saga_id, created_at as since, completed_at as until
                 from saga_state where user_id = ${userId} and completed_at is not null
                union all
               select saga_id, a.at, a.at
                 from saga_state join operator_actions a using (saga_id)
                where user_id = ${userId} and completed_at is not null and a.action = 'order.ship'
                union all
               select c.saga_id, c.completed_at, c.completed_at
                 from saga_state s join order_cancellations c using (saga_id)
                where s.user_id = ${userId} and c.completed_at is not null) as saga
        cross join lateral (
          select event_id from outbox
           where event_id >= uuid_v7_floor(saga.since - ${CLOCK_SLACK}::interval)
             and event_id < uuid_v7_floor(saga.until + ${CLOCK_SLACK}::interval)
             and partition_key = saga.saga_id::text
             and headers ->> 'type' in ('SendNotification', 'CreateOrder', 'ReserveInventory')
          offset 0) as found))`;
  return count;
}

/** When a checkout sent and received messages. Epoch ms. */
export interface Span {
  readonly saga_id: string;
  readonly since: number;
  readonly until: number;
}

/** Of the checkouts whose messages may be in an outbox that begins at `heldSince` (epoch ms). */
export async function spansOf(sql: Sql, userId: string, heldSince: number): Promise<readonly Span[]> {
  return await sql<Span[]>`
    select saga_id, extract(epoch from created_at)::float8 * 1000 as since, extract(epoch from completed_at)::float8 * 1000 as until
      from saga_state
     where user_id = ${userId} and completed_at >= to_timestamp(${heldSince}::float8 / 1000) - ${CLOCK_SLACK}::interval`;
}

/** Erases the card from the replies that payment's outbox keeps for a week, and reads it as `eraseOutbox` does. Returns how many changed. */
export async function eraseCards(tx: TransactionSql, spans: readonly Span[]): Promise<number> {
  const { count } = await tx`
    update outbox set payload = payload - 'card'
     where event_id = any(array(
       select found.event_id
         from json_to_recordset(${JSON.stringify(spans)}::text::json) as saga (saga_id text, since float8, until float8)
        cross join lateral (
          select event_id from outbox
           where event_id >= uuid_v7_floor(to_timestamp(saga.since / 1000) - ${CLOCK_SLACK}::interval)
             and event_id < uuid_v7_floor(to_timestamp(saga.until / 1000) + ${CLOCK_SLACK}::interval)
             and partition_key = saga.saga_id
             and headers ->> 'type' in ('PaymentAuthorized', 'PaymentSucceeded') and payload -> 'card' is not null
          offset 0) as found))`;
  return count;
}

/** Returns how many orders still had an address or a card. */
export async function eraseOrders(tx: TransactionSql, userId: string): Promise<number> {
  const { count } = await tx`
    update orders
       set shipping_address = ${ERASED_ADDRESS}::text::jsonb || jsonb_build_object('country', shipping_address -> 'country'),
           tracking = null, card = null
     where user_id = ${userId} and (shipping_address ->> 'name' <> ${ERASED.line} or card is not null)`;
  return count;
}

/** Counts the messages of these sagas that wait for a retry: the retry table keeps their bytes. */
export async function countRetries(sql: Sql, sagaIds: readonly string[]): Promise<number> {
  const [row] = await sql<
    [{ count: number }]
  >`select count(*)::int as count from retry where saga_id = any(${[...sagaIds]}::uuid[])`;
  return row.count;
}

/** Counts the mails to this shopper that the mail server has deferred. */
export async function countWaitingMails(sql: Sql, sagaIds: readonly string[]): Promise<number> {
  const [row] = await sql<
    [{ count: number }]
  >`select count(*)::int as count from waiting_mails where saga_id = any(${[...sagaIds]}::uuid[])`;
  return row.count;
}

export async function sagaIdsOf(sql: Sql, userId: string): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`select saga_id from saga_state where user_id = ${userId}`;
  return rows.map(({ saga_id }) => saga_id);
}
