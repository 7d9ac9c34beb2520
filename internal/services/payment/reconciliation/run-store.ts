// Stores the runs of reconciliation: one row per provider says which process reconciles, when and how far. Also marks the rows that were
// found in the provider ledger. Called by reconciler.ts.
import type { Sql } from "postgres";
import type { Tx } from "../../../messaging/database.ts";
import type { Span } from "../providers/ledger.ts";

export interface Run {
  readonly run_id: string;
  /** Epoch ms: every ledger entry before it has been compared. */
  readonly compared_until: number;
  /** Epoch ms: when it was due. */
  readonly due_at: number;
}

/** Creates the row of a provider that has none: its ledger is compared from `now` on. */
export function ensureLedger(sql: Sql, provider: string, now: number): PromiseLike<unknown> {
  return sql`
    insert into reconciliation (provider, compared_until, due_at, lease_until)
    values (${provider}, ${now}::timestamptz, ${now}::timestamptz, ${now}::timestamptz)
        on conflict do nothing`;
}

/** Claims the run that is due, until `leaseUntil`; undefined if none is due or another process has it. */
export async function claimRun(
  sql: Sql,
  provider: string,
  run_id: string,
  now: number,
  leaseUntil: number,
): Promise<Run | undefined> {
  const [run] = await sql<Run[]>`
    update reconciliation set run_id = ${run_id}, lease_until = ${leaseUntil}::timestamptz
     where provider = ${provider} and due_at <= ${now}::timestamptz and lease_until <= ${now}::timestamptz
    returning run_id, compared_until, due_at`;
  return run;
}

/** Extends the lease; false if another process has taken over the run. */
export async function extendRun(tx: Tx, run_id: string, leaseUntil: number): Promise<boolean> {
  const { count } = await tx`
    update reconciliation set lease_until = ${leaseUntil}::timestamptz where run_id = ${run_id}`;
  return count > 0;
}

/** Ends the run and sets when the next is due. Does nothing if another process has taken over the run. */
export function finishRun(
  sql: Sql,
  run: Omit<Run, "due_at">,
  now: number,
  dueAt: number,
): PromiseLike<unknown> {
  return sql`
    update reconciliation
       set compared_until = ${run.compared_until}::timestamptz, due_at = ${dueAt}::timestamptz,
           lease_until = ${now}::timestamptz
     where run_id = ${run.run_id}`;
}

/** Releases a run that was not finished. */
export function giveBackRun(sql: Sql, run_id: string, now: number): PromiseLike<unknown> {
  return sql`update reconciliation set lease_until = ${now}::timestamptz where run_id = ${run_id}`;
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
