// How the search reads: by an index in the right order, or by a summarizing one, where the planner would not do so by itself. Called by
// the stores of the search.
import type { Sql, TransactionSql } from "postgres";

export type Reader = Sql | TransactionSql;

/**
 * Without statistics the planner takes any span of ids for some thousand rows, and would collect and sort all of them before it returns the
 * newest. With neither sequential nor bitmap scans an index in the right order is left. The plan is for the values given, so that criteria
 * that are null drop out of it.
 */
export function readInOrder<Rows>(sql: Sql, read: (tx: TransactionSql) => PromiseLike<Rows>): Promise<Rows>;
export async function readInOrder<Rows>(
  sql: Sql,
  read: (tx: TransactionSql) => PromiseLike<Rows>,
): Promise<unknown> {
  return sql.begin("read only", async (tx) => {
    await tx`
      select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
             set_config('enable_bitmapscan', 'off', true)`;
    return read(tx);
  });
}

/**
 * For what only a summarizing index has. Without statistics the planner takes one value for a two-hundredth of the table and reads all of it.
 */
export function readSummarized<Rows>(
  sql: Sql,
  read: (tx: TransactionSql) => PromiseLike<Rows>,
): Promise<Rows>;
export async function readSummarized<Rows>(
  sql: Sql,
  read: (tx: TransactionSql) => PromiseLike<Rows>,
): Promise<unknown> {
  return sql.begin("read only", async (tx) => {
    await tx`
      select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
             set_config('enable_indexscan', 'off', true)`;
    return read(tx);
  });
}
