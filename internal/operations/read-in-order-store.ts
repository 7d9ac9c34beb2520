// How the search reads: by an index in the right order, or by a summarizing one, where the planner would not do so by itself. Called by
// the stores of the search.
import type { Sql, TransactionSql } from "postgres";

export type Reader = Sql | TransactionSql;
type Read<Rows> = (tx: TransactionSql) => PromiseLike<Rows>;

/**
 * Without statistics the planner takes any span of ids for some thousand rows, and would collect and sort all of them before it returns the
 * newest. With neither sequential nor bitmap scans an index in the right order is left.
 */
export function readInOrder<Rows>(sql: Sql, read: Read<Rows>): Promise<Rows> {
  return readWithout("enable_bitmapscan", sql, read);
}

/**
 * For what only a summarizing index has. Without statistics the planner takes one value for a two-hundredth of the table and reads all of it.
 */
export function readSummarized<Rows>(sql: Sql, read: Read<Rows>): Promise<Rows> {
  return readWithout("enable_indexscan", sql, read);
}

/** Without sequential scans and `setting`. The plan is for the values given, so that criteria that are null drop out of it. */
function readWithout<Rows>(setting: string, sql: Sql, read: Read<Rows>): Promise<Rows>;
async function readWithout<Rows>(setting: string, sql: Sql, read: Read<Rows>): Promise<unknown> {
  return sql.begin("read only", async (tx) => {
    await tx`
      select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
             set_config(${setting}, 'off', true)`;
    return read(tx);
  });
}
