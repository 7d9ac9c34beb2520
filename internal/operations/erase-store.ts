// The statements behind erasing a shopper. What identifies nobody stays as it is: amounts, items, times, status, country, and the
// user id, which only the identity provider can turn into a person.
import type { Sql, TransactionSql } from "postgres";
import { ERASED, ERASED_ADDRESS } from "../../schemas/fields.ts";

/** A message is written in the transaction of its saga's change; so far apart may an id's time and that of the row be. */
const CLOCK_SLACK = "2 minutes";

export interface Unfinished {
  /** Checkouts under way. */
  readonly sagas: number;
  /** Messages of finished ones that Kafka does not have yet. */
  readonly unpublished: number;
}

/** What keeps a shopper from being erased now. */
export async function unfinishedOf(sql: Sql, userId: string): Promise<Unfinished> {
  const [row] = await sql<[Unfinished]>`
    select (select count(*) from saga_state where user_id = ${userId} and completed_at is null)::int as sagas,
           (select count(*) from outbox
             where not published and partition_key in (select saga_id::text from saga_state where user_id = ${userId}))::int
             as unpublished`;
  return row;
}

/** Returns how many sagas still had personal data. */
export async function eraseSagas(tx: TransactionSql, userId: string): Promise<number> {
  const { count } = await tx`
    update saga_state
       set email = ${ERASED.email},
           shipping_address = ${ERASED_ADDRESS}::text::jsonb || jsonb_build_object('country', shipping_address -> 'country')
     where user_id = ${userId} and completed_at is not null and email <> ${ERASED.email}`;
  return count;
}

/** The same of the messages that the outbox keeps for a week. Ids are in order of time, so only a saga's own minutes are read. */
export async function eraseOutbox(tx: TransactionSql, userId: string): Promise<number> {
  const { count } = await tx`
    update outbox as message
       set payload = case message.headers ->> 'type'
             when 'SendNotification' then jsonb_set(payload, '{email}', to_jsonb(${ERASED.email}::text))
             when 'ReserveInventory' then payload - 'checkout'
             else jsonb_set(payload, '{shipping_address}', ${ERASED_ADDRESS}::text::jsonb
               || jsonb_build_object('country', payload -> 'shipping_address' -> 'country')) end
      from saga_state as saga
     where saga.user_id = ${userId} and saga.completed_at is not null
       and message.event_id >= uuid_v7_floor(saga.created_at - ${CLOCK_SLACK}::interval)
       and message.event_id < uuid_v7_floor(saga.completed_at + ${CLOCK_SLACK}::interval)
       and message.partition_key = saga.saga_id::text and message.published
       and message.headers ->> 'type' in ('SendNotification', 'CreateOrder', 'ReserveInventory')`;
  return count;
}

/** Returns how many orders still had an address. */
export async function eraseOrders(tx: TransactionSql, userId: string): Promise<number> {
  const { count } = await tx`
    update orders
       set shipping_address = ${ERASED_ADDRESS}::text::jsonb || jsonb_build_object('country', shipping_address -> 'country')
     where user_id = ${userId} and shipping_address ->> 'name' <> ${ERASED.line}`;
  return count;
}

/** Commands of this shopper's sagas that wait in a service to be tried again hold their bytes. */
export async function countRetries(sql: Sql, sagaIds: readonly string[]): Promise<number> {
  const [row] = await sql<
    [{ count: number }]
  >`select count(*)::int as count from retry where saga_id = any(${[...sagaIds]}::uuid[])`;
  return row.count;
}

/** Mails to this shopper that the mail server has put off. */
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
