// The SQL for rebuilding payments: the charges that sagas requested, and payments with an unknown result. Called by
// payment-rebuild.ts.
import type { Sql, TransactionSql } from "postgres";

/** A charge that a saga requested. */
export interface AskedCharge {
  readonly payment_id: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  readonly currency: string;
  readonly payment_method: string;
  readonly idempotency_key: string;
  readonly provider: string;
  readonly capture: "automatic" | "manual";
  readonly traceparent: string | null;
  readonly shopper_present: boolean;
  /** RFC 3339. */
  readonly occurred_at: string;
  /** True if its saga is compensating or ended without an order. */
  readonly is_undone: boolean;
}

/** Charges requested since `since` (epoch ms), after the message `after`, oldest first, at most `limit`. `provider`: of those that name none. */
export function askedCharges(
  saga: Sql,
  provider: string,
  since: number,
  after: string,
  limit: number,
): Promise<readonly AskedCharge[]> {
  return saga<AskedCharge[]>`
    select o.event_id as payment_id, o.partition_key as saga_id, (o.payload ->> 'amount_cents')::float8 as amount_cents,
           o.payload ->> 'currency' as currency, o.payload ->> 'payment_method' as payment_method,
           o.payload ->> 'idempotency_key' as idempotency_key, o.payload ->> 'traceparent' as traceparent,
           coalesce((o.payload ->> 'shopper_present')::boolean, false) as shopper_present,
           o.payload ->> 'occurred_at' as occurred_at, coalesce(o.payload ->> 'provider', ${provider}) as provider,
           case o.headers ->> 'type' when 'AuthorizePayment' then 'manual' else 'automatic' end as capture,
           coalesce(s.status in ('COMPENSATING', 'COMPENSATED', 'FAILED'), false) as is_undone
      from outbox o left join saga_state s on s.saga_id = o.partition_key::uuid
     where o.headers ->> 'type' in ('ChargePayment', 'AuthorizePayment') and o.published
       and o.event_id >= uuid_v7_floor(${since}::timestamptz) and o.event_id > ${after}::uuid
     order by o.event_id limit ${limit}`;
}

/** Creates the missing payments as requested with an unknown result, and marks their commands as handled. Returns their sagas. */
export async function doubtLostCharges(
  tx: TransactionSql,
  charges: readonly AskedCharge[],
  now: number,
): Promise<readonly string[]> {
  const made = await tx<{ payment_id: string; saga_id: string }[]>`
    insert into payments (payment_id, saga_id, amount_cents, currency, payment_method, provider, capture, idempotency_key, status,
           undo_requested, attempts, first_attempt_at, charge_asked_at, next_attempt_at, traceparent, shopper_present,
           created_at, updated_at)
    select payment_id, saga_id, amount_cents, currency, payment_method, provider, capture, idempotency_key, 'UNKNOWN',
           is_undone, 1, occurred_at, ${now}::timestamptz, ${now}::timestamptz, traceparent, shopper_present,
           occurred_at, ${now}::timestamptz
      from json_to_recordset(${JSON.stringify(charges)}::text::json) as charge (
           payment_id uuid, saga_id uuid, amount_cents bigint, currency text, payment_method text, idempotency_key text,
           provider text, capture text, traceparent text, shopper_present boolean, occurred_at timestamptz, is_undone boolean)
        on conflict do nothing
    returning payment_id, saga_id`;
  await tx`
    insert into inbox (message_id)
    select value::uuid from json_array_elements_text(${JSON.stringify(made.map(({ payment_id }) => payment_id))}::text::json)
        on conflict do nothing`;
  return made.map(({ saga_id }) => saga_id);
}

/** Sets open payments of these sagas to an unknown result: they may have been charged since the backup. Returns their number. */
export async function doubtUnaskedCharges(
  tx: TransactionSql,
  charges: readonly AskedCharge[],
  now: number,
): Promise<number> {
  const { count } = await tx`
    update payments p
       set status = 'UNKNOWN', attempts = greatest(p.attempts, 1), undo_requested = p.undo_requested or c.is_undone,
           first_attempt_at = coalesce(p.first_attempt_at, p.created_at), charge_asked_at = ${now}::timestamptz,
           next_attempt_at = ${now}::timestamptz, updated_at = ${now}::timestamptz
      from json_to_recordset(${JSON.stringify(charges)}::text::json) as c (saga_id uuid, is_undone boolean)
     where p.saga_id = c.saga_id and p.status in ('PENDING', 'UNKNOWN')`;
  return count;
}

/** Sagas whose money is held, after `after`, at most `limit`. */
export function heldSagas(
  payment: Sql,
  after: string,
  limit: number,
): Promise<readonly { readonly saga_id: string }[]> {
  return payment<{ saga_id: string }[]>`
    select saga_id from payments
     where status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING') and saga_id > ${after}::uuid
     order by saga_id limit ${limit}`;
}

/** Those of the sagas that have asked for their money, or have ended without an order. */
export function endsOfHolds(
  saga: Sql,
  sagaIds: readonly string[],
): Promise<readonly { readonly saga_id: string; readonly is_undone: boolean }[]> {
  return saga<{ saga_id: string; is_undone: boolean }[]>`
    select saga_id, status in ('COMPENSATING', 'COMPENSATED', 'FAILED') as is_undone from saga_state
     where saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))
       and (current_step = 'capture' or status not in ('STARTED', 'INVENTORY_RESERVED'))`;
}

/**
 * Takes held money, or releases it if its saga is undone: an earlier request may be lost with its result, and the provider answers with it.
 * Returns the number of payments.
 */
export async function doubtHolds(
  tx: TransactionSql,
  ends: readonly { readonly saga_id: string; readonly is_undone: boolean }[],
  now: number,
): Promise<number> {
  const { count } = await tx`
    update payments p
       set status = case when c.is_undone or p.status = 'VOID_PENDING' then 'VOID_PENDING' else 'CAPTURE_PENDING' end,
           undo_requested = p.undo_requested or c.is_undone, hold_attempts = 0,
           next_attempt_at = ${now}::timestamptz, updated_at = ${now}::timestamptz
      from json_to_recordset(${JSON.stringify(ends)}::text::json) as c (saga_id uuid, is_undone boolean)
     where p.saga_id = c.saga_id and p.status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')`;
  return count;
}

export interface PaymentState {
  readonly saga_id: string;
  readonly status: string;
  readonly provider_txn_id: string | null;
}

export function paymentsOfSagas(payment: Sql, sagaIds: readonly string[]): Promise<readonly PaymentState[]> {
  return payment<PaymentState[]>`
    select saga_id, status, provider_txn_id from payments
     where saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))`;
}

/** Names of the providers that were asked for charges since `since`, epoch ms: a payment has the id of the message that asked. */
export async function providersSince(payment: Sql, since: number): Promise<readonly string[]> {
  const rows = await payment<{ provider: string }[]>`
    select distinct provider from payments where payment_id >= uuid_v7_floor(${since}::timestamptz) order by provider`;
  return rows.map(({ provider }) => provider);
}

/** A charge that the provider took. */
export interface ReopenedCharge {
  readonly provider_txn_id: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  readonly currency: string;
}

/**
 * Opens payments again that ended without their charge: requested at `since` (epoch ms) or later, result unknown, to be undone. The executor
 * asks about the charge by its id, as about one that waits for its shopper. Returns the sagas of those that had ended so.
 */
export async function reopenPayments(
  payment: Sql,
  charges: readonly ReopenedCharge[],
  since: number,
  now: number,
): Promise<readonly string[]> {
  const rows = await payment<{ saga_id: string }[]>`
    update payments p
       set status = 'UNKNOWN', amount_cents = c.amount_cents, currency = c.currency, undo_requested = true,
           payment_method = coalesce(p.payment_method, ''), error_code = null, error_message = null,
           attempts = greatest(p.attempts, 1), void_attempts = 0,
           first_attempt_at = coalesce(p.first_attempt_at, ${since}::timestamptz), charge_asked_at = ${now}::timestamptz,
           action_txn_id = c.provider_txn_id, action_expires_at = ${now}::timestamptz,
           next_attempt_at = ${now}::timestamptz, updated_at = ${now}::timestamptz
      from json_to_recordset(${JSON.stringify(charges)}::text::json) as c (
           saga_id uuid, provider_txn_id text, amount_cents bigint, currency text)
     where p.saga_id = c.saga_id and p.status in ('CANCELLED', 'FAILED')
    returning p.saga_id`;
  return rows.map(({ saga_id }) => saga_id);
}
