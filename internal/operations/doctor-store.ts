// The queries of `checkoutctl doctor`. Read-only.
import type { Sql } from "postgres";
import { oldestSnapshotSeconds } from "../messaging/relay-store.ts";
import type { ReplicationFacts, StandbyFacts } from "./doctor-replication.ts";
import type { ServerFacts } from "./doctor-verdicts.ts";

export async function serverFacts(sql: Sql): Promise<ServerFacts> {
  const [[row], oldest] = await Promise.all([
    sql<[Omit<ServerFacts, "oldestSnapshotSeconds">]>`
      select current_setting('server_version') as version, current_setting('server_version_num')::integer / 10000 as major,
             pg_is_in_recovery() as "isStandby", (select count(*)::integer from pg_stat_activity where backend_type = 'client backend') as connections,
             current_setting('max_connections')::integer as "maxConnections"`,
    oldestSnapshotSeconds(sql),
  ]);
  return { ...row, oldestSnapshotSeconds: oldest };
}

/** What a standby has of the log, and what a commit waits for. Without pg_read_all_stats, standbys are seen but not their state. */
export async function replicationFacts(sql: Sql): Promise<ReplicationFacts> {
  const [[settings], standbys] = await Promise.all([
    sql<[Omit<ReplicationFacts, "standbys">]>`
      select pg_is_in_recovery() as "isStandby", current_setting('synchronous_standby_names') as "synchronousNames",
             current_setting('synchronous_commit') as "synchronousCommit", current_user::text as "user"`,
    sql<StandbyFacts[]>`
      select application_name as name, host(client_addr) as address, state, sync_state as "syncState",
             case when not pg_is_in_recovery()
                  then pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint end as "behindBytes"
        from pg_stat_replication order by application_name, pid`,
  ]);
  return { ...settings, standbys };
}

export async function databaseBytes(sql: Sql): Promise<number> {
  const [row] = await sql<[{ bytes: number }]>`select pg_database_size(current_database()) as bytes`;
  return row.bytes;
}

/** Null unless this user may know it (pg_read_all_settings). */
export async function dataDirectory(sql: Sql): Promise<string | null> {
  const [row] = await sql<{ path: string }[]>`
    select setting as path from pg_settings where name = 'data_directory'`;
  return row?.path ?? null;
}

/** The days of the partitions of a table, as YYYYMMDD. */
export async function partitionDays(sql: Sql, table: "inbox" | "outbox"): Promise<readonly string[]> {
  const rows = await sql<{ day: string }[]>`
    select right(c.relname, 8) as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass(${table}) and c.relname ~ (${table} || '_\\d{8}$') order by day`;
  return rows.map(({ day }) => day);
}
