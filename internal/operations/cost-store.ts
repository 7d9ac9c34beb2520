// The queries of `checkoutctl cost`. Read-only.
import type { Sql } from "postgres";

/** Checkouts that completed between two times, in epoch ms. Finds those that started at most an hour before. */
export async function completedBetween(sql: Sql, from: number, to: number): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::integer as count from saga_state
     where created_at >= ${from - 3_600_000}::timestamptz and status = 'COMPLETED'
       and completed_at >= ${from}::timestamptz and completed_at < ${to}::timestamptz`;
  return row.count;
}

/** More are estimated: to count millions takes longer than a statement may. */
const MAX_COUNTED = 100_000;

export interface CheckoutsKept {
  readonly count: number;
  readonly isEstimate: boolean;
}

/** Above `counted` as the planner estimates them: from the rows per page at the last analyze, and the present pages. */
export async function checkoutsKept(sql: Sql, counted = MAX_COUNTED): Promise<CheckoutsKept> {
  const [row] = await sql<[{ few: number; estimate: number | null }]>`
    select (select count(*)::integer from (select from saga_state limit ${counted}::integer + 1) first) as few,
           (select case when relpages > 0 and reltuples > 0
                        then round(reltuples::float8 / relpages * pg_relation_size(oid) / current_setting('block_size')::integer) end
              from pg_class where oid = 'saga_state'::regclass) as estimate`;
  const { few, estimate } = row;
  if (few <= counted) return { count: few, isEstimate: false };
  return { count: Math.max(few, estimate ?? 0), isEstimate: true };
}
