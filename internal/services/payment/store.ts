// Reads, locks and saves payments with their refunds by set-based statements. Called by handler.ts for a batch of commands and by
// attempt-transactions.ts around the provider requests.
//
// The lock of a payment's row also covers its refund, and rows are locked in saga order, so two transactions never deadlock. A new
// payment cannot be locked: if two transactions insert one saga's payment, the unique key stops the second, which is run again.
import type { PendingQuery } from "postgres";
import { LONGEST_PAUSE_MS } from "../../kernel/backoff.ts";
import { assert } from "../../kernel/errors.ts";
import type { Tx } from "../../messaging/database.ts";
import type { HeldRow } from "../../messaging/held-rows.ts";
import type { Attempt } from "./attempts/attempt.ts";
import type { Payment } from "./payment.ts";
import {
  type PaymentRow,
  paymentOf,
  type RefundRow,
  refundRowsOf,
  rowOf,
  type StoredPayment,
  type StoredRefund,
} from "./payment-rows.ts";

/** The working set of one transaction, by saga: the rows that were read, and their changes. */
export interface PaymentRows {
  readonly payments: Map<string, Payment>;
  /** Sagas whose payment was created in this transaction. */
  readonly made: Set<string>;
  /** Sagas whose saved payment has changed. */
  readonly changed: Set<string>;
  /** Requests that were claimed in this transaction, for payments that it created or changed. */
  readonly claimed: Attempt[];
}

/** Reads and locks the payments of `sagas`, in one round trip. */
export async function loadRows(tx: Tx, sagas: readonly string[]): Promise<PaymentRows> {
  // The second statement sees what was committed while the first waited for its locks.
  const statements = [lockPayments(tx, sagas), readRefunds(tx, sagas)] as const;
  return lookAt(...(await Promise.all(statements)));
}

export function lookAt(payments: readonly PaymentRow[], refunds: readonly RefundRow[]): PaymentRows {
  const byPayment = new Map(refunds.map((refund) => [refund.payment_id, refund]));
  return {
    payments: new Map(payments.map((row) => [row.saga_id, paymentOf(row, byPayment.get(row.payment_id))])),
    made: new Set(),
    changed: new Set(),
    claimed: [],
  };
}

/** Adds a decision to the working set, so that the next one in the batch sees it. */
export function applyPayment(rows: PaymentRows, payment: Payment): void {
  const { saga_id } = payment;
  const before = rows.payments.get(saga_id);
  if (payment === before) return;
  rows.payments.set(saga_id, payment);
  if (before === undefined) rows.made.add(saga_id);
  else if (!rows.made.has(saga_id)) rows.changed.add(saga_id);
}

/** The statements that save the working set; none if nothing changed. `now` in epoch ms. */
export function saveRows(tx: Tx, rows: PaymentRows, now: number): readonly PromiseLike<unknown>[] {
  const rowsOf = (sagas: ReadonlySet<string>) =>
    [...sagas].toSorted().map((saga_id) => rowOf(paymentIn(rows, saga_id), now));
  const [made, changed] = [rowsOf(rows.made), rowsOf(rows.changed)];
  const refunds = [...rows.changed].flatMap((saga_id) => refundRowsOf(paymentIn(rows, saga_id), now));
  return [
    ...(made.length > 0 ? [insertPayments(tx, made)] : []),
    ...(changed.length > 0 ? [updatePayments(tx, changed)] : []),
    ...(refunds.length > 0 ? [putRefunds(tx, refunds)] : []),
  ];
}

/** All that a payment is read with. */
function paymentColumns(tx: Tx) {
  return tx`payment_id, saga_id, amount_cents, currency, payment_method, provider_txn_id, status, error_code, error_message,
    undo_requested, attempts, void_attempts, first_attempt_at, charge_asked_at, next_attempt_at, answer_by, traceparent,
    shopper_present, action_txn_id, action_expires_at, provider, capture, capture_before, hold_attempts, created_at`;
}

/** Captures and voids that are due (`isDue`), locked. */
function heldDue(tx: Tx, provider: string, now: number, limit: number) {
  return tx`
    array(select payment_id from payments
           where status in ('CAPTURE_PENDING', 'VOID_PENDING') and provider = ${provider}
             and next_attempt_at <= ${now}::timestamptz
           order by next_attempt_at limit ${limit} for no key update skip locked) ||
    array(select payment_id from payments
           where status in ('CAPTURE_PENDING', 'VOID_PENDING') and provider = ${provider}
             and next_attempt_at > ${now + LONGEST_PAUSE_MS}::timestamptz
           order by next_attempt_at limit ${limit} for no key update skip locked)`;
}

/** Open payments whose next attempt is later than any pause, which only a wrong clock sets; locked. */
function chargesFarAhead(tx: Tx, provider: string, now: number, limit: number) {
  return tx`
    array(select payment_id from payments
           where status in ('PENDING', 'UNKNOWN') and provider = ${provider}
             and next_attempt_at > ${now + LONGEST_PAUSE_MS}::timestamptz
           order by next_attempt_at limit ${limit} for no key update skip locked)`;
}

/** Send it before the statements that must see the state under these locks. */
export function lockPayments(tx: Tx, sagas: readonly string[]): PendingQuery<PaymentRow[]> {
  return tx<PaymentRow[]>`
    select ${paymentColumns(tx)}
      from payments
     where saga_id = any(${[...sagas]}::uuid[])
     order by saga_id
       for no key update`;
}

/**
 * Locks the free payments with their refunds, without waiting, and returns those that another transaction has locked. A person may
 * lock only the refund; its payment then counts as locked.
 */
export function heldPayments(tx: Tx, sagas: readonly string[]): PendingQuery<HeldRow[]> {
  return tx<HeldRow[]>`
    with wanted as materialized (
      select payment_id, saga_id from payments where saga_id = any(${[...sagas]}::uuid[])),
    free as materialized (
      select saga_id from payments where saga_id = any(${[...sagas]}::uuid[]) order by saga_id for no key update skip locked),
    free_refunds as materialized (
      select payment_id from refunds
       where payment_id = any(array(select payment_id from wanted))
       order by payment_id
         for no key update skip locked),
    held_refunds as (
      select payment_id from refunds where payment_id = any(array(select payment_id from wanted))
      except select payment_id from free_refunds)
    select saga_id, 'payments, saga ' || saga_id as row
      from (select saga_id from wanted except select saga_id from free) held
     union all
    select saga_id, 'refunds, saga ' || saga_id from payments
     where payment_id = any(array(select payment_id from held_refunds))`;
}

/** The array makes the planner look up the keys in the index. */
export function readRefunds(tx: Tx, sagas: readonly string[]): PendingQuery<RefundRow[]> {
  return tx<RefundRow[]>`
    select refund_id, payment_id, provider_refund_id, error_code, attempts, next_attempt_at, failed_ids, reported, created_at
      from refunds
     where payment_id = any(array(
             select payment_id from payments where saga_id = any(${[...sagas]}::uuid[])
                and status in ('REFUND_PENDING', 'REFUNDED')))`;
}

/**
 * Open payments, captures and voids that are due (`isDue`), the longest waiting first, without locked ones. Two index scans each, because one
 * condition with `or` read all waiting payments each time. The first scan of the open ones starts at `dueFrom` (epoch ms), see claim-floor.ts.
 */
export function lockDueCharges(
  tx: Tx,
  provider: string,
  now: number,
  limit: number,
  dueFrom = 0,
): PendingQuery<PaymentRow[]> {
  return tx<PaymentRow[]>`
    select ${paymentColumns(tx)}
      from payments
     where payment_id = any(
             ${heldDue(tx, provider, now, limit)} ||
             array(select payment_id from payments
                    where status in ('PENDING', 'UNKNOWN') and provider = ${provider}
                      and next_attempt_at >= ${dueFrom}::timestamptz and next_attempt_at <= ${now}::timestamptz
                    order by next_attempt_at limit ${limit} for no key update skip locked) ||
             ${chargesFarAhead(tx, provider, now, limit)})
     order by next_attempt_at
       for no key update`;
}

/**
 * The same while the provider takes fewer calls than there are: the oldest come first, so that a deferred payment keeps its place.
 * Reads all due payments. There are few of them then, because the backlog is kept short.
 */
export function lockOldestCharges(
  tx: Tx,
  provider: string,
  now: number,
  limit: number,
): PendingQuery<PaymentRow[]> {
  return tx<PaymentRow[]>`
    select ${paymentColumns(tx)}
      from payments
     where payment_id = any(
             ${heldDue(tx, provider, now, limit)} ||
             array(select payment_id from payments
                    where status in ('PENDING', 'UNKNOWN') and provider = ${provider}
                      and next_attempt_at <= ${now}::timestamptz
                    order by created_at limit ${limit} for no key update skip locked) ||
             ${chargesFarAhead(tx, provider, now, limit)})
     order by created_at
       for no key update`;
}

/** Payments without a charge at the provider and without a request in flight, except the `keep` oldest; at most `limit`. */
export function lockBacklog(
  tx: Tx,
  provider: string,
  keep: number,
  limit: number,
): PendingQuery<PaymentRow[]> {
  // The inner query takes no locks: payments that stay must remain claimable. Every payment with a next attempt is open; with the
  // status as condition, the planner would read the index of all open payments again.
  return tx<PaymentRow[]>`
    select ${paymentColumns(tx)}
      from payments
     where saga_id = any(array(
             select saga_id from payments
              where status in ('PENDING', 'UNKNOWN') and provider = ${provider} and attempts = void_attempts
              order by created_at
             offset ${keep} limit ${limit}))
       and next_attempt_at is not null
     order by saga_id
       for no key update skip locked`;
}

/** Counts charges that wait, without a charge at the provider and without a request in flight; stops at `atMost`. */
export function countBacklog(tx: Tx, provider: string, atMost: number): PendingQuery<{ waiting: number }[]> {
  return tx<{ waiting: number }[]>`
    select count(*)::integer as waiting
      from (select from payments
             where status in ('PENDING', 'UNKNOWN') and provider = ${provider} and attempts = void_attempts
             limit ${atMost}) w`;
}

/**
 * The sagas of due refunds, with payment and refund locked. The lock on the refund makes the server check it again if another claim
 * has just moved it on.
 */
export function lockDueRefunds(
  tx: Tx,
  provider: string,
  now: number,
  limit: number,
): PendingQuery<{ saga_id: string }[]> {
  return tx<{ saga_id: string }[]>`
    select saga_id from payments
     where payment_id = any(
             array(select payment_id from refunds
                    where status = 'PENDING' and ${isOf(tx, provider)} and next_attempt_at <= ${now}::timestamptz
                    order by next_attempt_at limit ${limit} for no key update skip locked) ||
             array(select payment_id from refunds
                    where status = 'PENDING' and ${isOf(tx, provider)} and next_attempt_at > ${now + LONGEST_PAUSE_MS}::timestamptz
                    order by next_attempt_at limit ${limit} for no key update skip locked))
       for no key update skip locked`;
}

/** Whether a refund's payment belongs to this provider. */
function isOf(tx: Tx, provider: string) {
  return tx`(select p.provider from payments p where p.payment_id = refunds.payment_id) = ${provider}`;
}

function insertPayments(tx: Tx, payments: readonly StoredPayment[]) {
  return tx`
    insert into payments
      (payment_id, saga_id, amount_cents, currency, payment_method, provider, capture, idempotency_key, status, error_code,
       error_message, undo_requested, attempts, first_attempt_at, charge_asked_at, next_attempt_at, answer_by, traceparent,
       shopper_present, created_at, updated_at)
    select payment_id, saga_id, amount_cents, currency, payment_method, provider, capture, idempotency_key, status, error_code,
           error_message, undo_requested, attempts, first_attempt_at, charge_asked_at, next_attempt_at, answer_by, traceparent,
           shopper_present, created_at, updated_at
      from json_to_recordset(${JSON.stringify(payments)}::text::json)
        as made (payment_id uuid, saga_id uuid, amount_cents bigint, currency text, payment_method text, provider text,
                 capture text, idempotency_key text, status text, error_code text, error_message text, undo_requested boolean,
                 attempts integer, first_attempt_at timestamptz, charge_asked_at timestamptz, next_attempt_at timestamptz,
                 answer_by timestamptz, traceparent text, shopper_present boolean, created_at timestamptz,
                 updated_at timestamptz)`;
}

function updatePayments(tx: Tx, payments: readonly StoredPayment[]) {
  return tx`
    with change as materialized (
      select * from json_to_recordset(${JSON.stringify(payments)}::text::json)
        as change (saga_id uuid, payment_method text, provider_txn_id text, status text, error_code text, error_message text,
                   undo_requested boolean, attempts integer, void_attempts integer, first_attempt_at timestamptz,
                   charge_asked_at timestamptz, next_attempt_at timestamptz, updated_at timestamptz, shopper_present boolean,
                   action_txn_id text, action_expires_at timestamptz, traceparent text, capture_before timestamptz,
                   hold_attempts integer))
    update payments p
       set payment_method = change.payment_method, provider_txn_id = change.provider_txn_id, status = change.status,
           error_code = change.error_code, error_message = change.error_message, undo_requested = change.undo_requested,
           attempts = change.attempts, void_attempts = change.void_attempts, first_attempt_at = change.first_attempt_at,
           charge_asked_at = change.charge_asked_at, next_attempt_at = change.next_attempt_at, updated_at = change.updated_at,
           shopper_present = change.shopper_present, action_txn_id = coalesce(change.action_txn_id, p.action_txn_id),
           action_expires_at = coalesce(change.action_expires_at, p.action_expires_at),
           traceparent = coalesce(change.traceparent, p.traceparent),
           capture_before = coalesce(change.capture_before, p.capture_before),
           hold_attempts = coalesce(change.hold_attempts, p.hold_attempts)
      from change
     where p.saga_id = any(array(select saga_id from change))
       and p.saga_id = change.saga_id`;
}

/** Another refund than the one that was found in the provider's ledger must be found, too. */
function putRefunds(tx: Tx, refunds: readonly StoredRefund[]) {
  return tx`
    insert into refunds
      (refund_id, payment_id, amount_cents, idempotency_key, status, provider_refund_id, error_code, attempts,
       next_attempt_at, failed_ids, reported, created_at, updated_at)
    select refund_id, payment_id, amount_cents, idempotency_key, status, provider_refund_id, error_code, attempts,
           next_attempt_at, failed_ids, reported, created_at, updated_at
      from json_to_recordset(${JSON.stringify(refunds)}::text::json)
        as put (refund_id uuid, payment_id uuid, amount_cents bigint, idempotency_key text, status text,
                provider_refund_id text, error_code text, attempts integer, next_attempt_at timestamptz,
                failed_ids text[], reported boolean, created_at timestamptz, updated_at timestamptz)
        on conflict (refund_id) do update
       set status = excluded.status, provider_refund_id = excluded.provider_refund_id, error_code = excluded.error_code,
           attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, failed_ids = excluded.failed_ids,
           reported = excluded.reported, updated_at = excluded.updated_at,
           reconciled_at = case when excluded.provider_refund_id = refunds.provider_refund_id then refunds.reconciled_at end`;
}

function paymentIn(rows: PaymentRows, saga_id: string): Payment {
  const payment = rows.payments.get(saga_id);
  assert(payment !== undefined, `saga ${saga_id} is marked as changed without a payment`);
  return payment;
}
