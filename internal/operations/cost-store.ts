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

export async function checkoutsKept(sql: Sql): Promise<number> {
  const [row] = await sql<[{ count: number }]>`select count(*)::integer as count from saga_state`;
  return row.count;
}
