// The cost of the orders for each Postgres, from its statistics: read before and after a run, when the system is idle. Backends report
// their statistics within a second.
import type { Sql } from "postgres";

/** Counters since the server's start. */
export interface PostgresCounters {
  readonly transactions: number;
  readonly rollbacks: number;
  /** Undefined if pg_stat_statements is not loaded, which is the default. */
  readonly statements?: number;
  readonly blockHits: number;
  readonly blockReads: number;
  readonly rowsInserted: number;
  readonly rowsUpdated: number;
  /** Updated rows without a new index entry. */
  readonly rowsUpdatedHot: number;
  readonly walBytes: number;
  readonly walRecords: number;
  readonly walFullPages: number;
}

export async function postgresCounters(sql: Sql): Promise<PostgresCounters> {
  const [row] = await sql<Record<keyof PostgresCounters, number>[]>`
    select d.xact_commit::float8 as "transactions", d.xact_rollback::float8 as "rollbacks",
           d.blks_hit::float8 as "blockHits", d.blks_read::float8 as "blockReads",
           coalesce(t.inserted, 0)::float8 as "rowsInserted", coalesce(t.updated, 0)::float8 as "rowsUpdated",
           coalesce(t.hot, 0)::float8 as "rowsUpdatedHot",
           w.wal_bytes::float8 as "walBytes", w.wal_records::float8 as "walRecords", w.wal_fpi::float8 as "walFullPages"
      from pg_stat_database d, pg_stat_wal w,
           (select sum(n_tup_ins) as inserted, sum(n_tup_upd) as updated, sum(n_tup_hot_upd) as hot from pg_stat_user_tables) t
     where d.datname = current_database()`;
  if (row === undefined) throw new Error("Postgres has no statistics for its database");
  const statements = await statementCount(sql);
  return statements === undefined ? row : { ...row, statements };
}

/** Per order: the difference of two readings divided by `orders`. */
export function perOrder(
  before: PostgresCounters,
  after: PostgresCounters,
  orders: number,
): PostgresCounters {
  const share = (field: keyof PostgresCounters) =>
    ((after[field] ?? 0) - (before[field] ?? 0)) / Math.max(1, orders);
  return {
    transactions: share("transactions"),
    rollbacks: share("rollbacks"),
    blockHits: share("blockHits"),
    blockReads: share("blockReads"),
    rowsInserted: share("rowsInserted"),
    rowsUpdated: share("rowsUpdated"),
    rowsUpdatedHot: share("rowsUpdatedHot"),
    walBytes: share("walBytes"),
    walRecords: share("walRecords"),
    walFullPages: share("walFullPages"),
    ...(after.statements === undefined ? {} : { statements: share("statements") }),
  };
}

async function statementCount(sql: Sql): Promise<number | undefined> {
  const [found] = await sql<{ there: boolean }[]>`
    select to_regclass('pg_stat_statements') is not null
       and current_setting('shared_preload_libraries') like '%pg_stat_statements%' as there`;
  if (found?.there !== true) return undefined;
  const [row] = await sql<{ calls: number }[]>`select sum(calls)::float8 as calls from pg_stat_statements`;
  return row?.calls;
}
