// The saga database queries of the rebuild. Called by rebuild-run.ts.
import type { Sql } from "postgres";

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
