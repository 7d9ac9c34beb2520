// The saga database queries of the rebuild. Called by rebuild-run.ts.
import type { PendingQuery, Sql } from "postgres";
import type { Tx } from "../messaging/database.ts";
import type { LostCancellation } from "./rebuild-cancellations.ts";

/** Unfinished sagas. */
export async function openSagaIds(sql: Sql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ saga_id: string }[]>`select saga_id from saga_state where completed_at is null`;
  return new Set(rows.map(({ saga_id }) => saga_id));
}

/** Which of these sagas are finished. */
export async function finishedAmong(sql: Sql, sagaIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ saga_id: string }[]>`
    select saga_id from saga_state
     where saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))
       and completed_at is not null`;
  return new Set(rows.map(({ saga_id }) => saga_id));
}

/** Which of these sagas exist. */
export async function findSagaIds(sql: Sql, sagaIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ saga_id: string }[]>`
    select saga_id from saga_state
     where saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))`;
  return new Set(rows.map(({ saga_id }) => saga_id));
}

/** Which of these cancellations exist. */
export function knownCancellations(
  tx: Tx,
  ids: readonly string[],
): PendingQuery<{ readonly cancellation_id: string }[]> {
  return tx<{ cancellation_id: string }[]>`
    select cancellation_id from order_cancellations
     where cancellation_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::text::json)))`;
}

/** Adds them as due now, so that the orchestrator asks for their step again. One that is there stays as it is. */
export function restoreCancellations(
  tx: Tx,
  cancellations: readonly LostCancellation[],
  now: number,
): PromiseLike<unknown> {
  return tx`
    insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, deadline_at, created_at, updated_at)
    select cancellation_id, saga_id, order_id, 'CANCELLING', step, ${now}::timestamptz, to_timestamp(at / 1000), ${now}::timestamptz
      from json_to_recordset(${JSON.stringify(cancellations)}::text::json) as lost (
           cancellation_id uuid, saga_id uuid, order_id uuid, step text, at float8)
        on conflict do nothing`;
}
