// Stores the runs of reconciliation: one row per provider says which process reconciles, when and how far. Also marks what was found in the
// provider ledger, or looked up there. Called by claimed-run.ts, compare.ts and reconciler.ts.
import type { PendingQuery, Row, Sql } from "postgres";
import type { Tx } from "../../../messaging/database.ts";
import type { Span } from "../providers/ledger.ts";

/** Creates the row of a provider that has none: its ledger is compared from `now` on. */
export function ensureLedger(sql: Sql, provider: string, now: number): PromiseLike<unknown> {
  return sql`
    insert into reconciliation (provider, compared_until, due_at, lease_until)
    values (${provider}, ${now}::timestamptz, ${now}::timestamptz, ${now}::timestamptz)
        on conflict do nothing`;
}

/**
 * Claims the run that is due, until `leaseUntil`. Returns until when (epoch ms) every ledger entry has been compared; undefined if none is due
 * or another process has it.
 */
export async function claimRun(
  sql: Sql,
  provider: string,
  run_id: string,
  now: number,
  leaseUntil: number,
): Promise<number | undefined> {
  const [run] = await sql<{ compared_until: number }[]>`
    update reconciliation set run_id = ${run_id}, lease_until = ${leaseUntil}::timestamptz
     where provider = ${provider} and due_at <= ${now}::timestamptz and lease_until <= ${now}::timestamptz
    returning compared_until`;
  return run?.compared_until;
}

/** Gives the run its next id and extends its lease; `count` is 0 if `run_id` is not in its row. */
export function renewRun(
  tx: Tx,
  run_id: string,
  next_id: string,
  leaseUntil: number,
): PendingQuery<readonly Row[]> {
  return tx`
    update reconciliation set run_id = ${next_id}, lease_until = ${leaseUntil}::timestamptz where run_id = ${run_id}`;
}

/** Ends the run of the provider, in its last step, and sets when the next is due. */
export function finishRun(
  tx: Tx,
  provider: string,
  { until, now, dueAt }: { readonly until: number; readonly now: number; readonly dueAt: number },
): PromiseLike<unknown> {
  return tx`
    update reconciliation
       set compared_until = ${until}::timestamptz, due_at = ${dueAt}::timestamptz, lease_until = ${now}::timestamptz
     where provider = ${provider}`;
}

/** Releases a run that was not finished. `ids`: those that it may have. */
export function giveBackRun(sql: Sql, ids: readonly string[], now: number): PromiseLike<unknown> {
  return sql`update reconciliation set lease_until = ${now}::timestamptz where run_id = any(${[...ids]}::uuid[])`;
}

/** Those of `holds` that a run has looked up, and that a later span may still list. */
export function lookedUpHolds(
  tx: Tx,
  provider: string,
  holds: readonly string[],
): PendingQuery<{ id: string }[]> {
  return tx<{ id: string }[]>`
    select provider_txn_id as id from looked_up_holds
     where provider = ${provider} and provider_txn_id = any(${[...holds]}::text[])`;
}

/** Records that the hold was looked up. `span`: the one whose list showed it. */
export function markHold(tx: Tx, provider: string, hold: string, span: Span): PromiseLike<unknown> {
  return tx`
    insert into looked_up_holds (provider, provider_txn_id, span_until)
    values (${provider}, ${hold}, ${span.untilMs}::timestamptz)
        on conflict do nothing`;
}

/** Deletes the marks of holds before `before` (epoch ms): no later span lists them. */
export function forgetHolds(tx: Tx, provider: string, before: number): PromiseLike<unknown> {
  return tx`
    delete from looked_up_holds where provider = ${provider} and span_until <= ${before}::timestamptz`;
}

/** Null before the first run. */
export async function comparedUntil(sql: Sql, provider: string): Promise<number | null> {
  const [row] = await sql<{ compared_until: number }[]>`
    select compared_until from reconciliation where provider = ${provider}`;
  return row?.compared_until ?? null;
}

/**
 * A locked row stays unmarked, and a later run looks it up; so does a hold, until its money was taken or released. The inner query filters
 * by id alone: with "not found yet" as a second condition, it read the index of all rows not found yet for each page.
 */
export function markCharges(tx: Tx, charges: readonly string[], now: number): PromiseLike<unknown> {
  return tx`
    with found as materialized (
      select payment_id from payments
       where saga_id = any(array(select saga_id from payments where provider_txn_id = any(${[...charges]}::text[])))
         and reconciled_at is null and status not in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')
       order by saga_id
         for no key update skip locked)
    update payments set reconciled_at = ${now}::timestamptz where payment_id = any(array(select payment_id from found))`;
}

export function markRefunds(tx: Tx, refunds: readonly string[], now: number): PromiseLike<unknown> {
  return tx`
    with found as materialized (
      select refund_id from refunds
       where refund_id = any(array(select refund_id from refunds where provider_refund_id = any(${[...refunds]}::text[])))
         and reconciled_at is null
         for no key update skip locked)
    update refunds set reconciled_at = ${now}::timestamptz where refund_id = any(array(select refund_id from found))`;
}

/** Charges of payments unchanged since `before` (epoch ms) that no page of the provider has shown, and whose money is not only held. */
export async function chargesNotFound(
  sql: Sql,
  provider: string,
  before: number,
  limit: number,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select provider_txn_id as id from payments
     where provider_txn_id is not null and reconciled_at is null and updated_at < ${before}::timestamptz
       and provider = ${provider} and status not in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')
     order by updated_at limit ${limit}`;
  return rows.map(({ id }) => id);
}

/**
 * Charges of payments whose money is held, unchanged since a time of `span`. The inner query filters by time alone: with the status as a
 * second condition, it read the index of all held payments.
 */
export async function holdsSince(
  sql: Sql,
  provider: string,
  { fromMs, untilMs }: Span,
  limit: number,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with unfound as materialized (
      select provider_txn_id as id, provider, status, updated_at from payments
       where provider_txn_id is not null and reconciled_at is null
         and updated_at >= ${fromMs}::timestamptz and updated_at < ${untilMs}::timestamptz)
    select id from unfound
     where provider = ${provider} and status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')
     order by updated_at limit ${limit}`;
  return rows.map(({ id }) => id);
}

export async function refundsNotFound(
  sql: Sql,
  provider: string,
  before: number,
  limit: number,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select provider_refund_id as id from refunds
     where provider_refund_id is not null and reconciled_at is null and updated_at < ${before}::timestamptz
       and (select p.provider from payments p where p.payment_id = refunds.payment_id) = ${provider}
     order by updated_at limit ${limit}`;
  return rows.map(({ id }) => id);
}
