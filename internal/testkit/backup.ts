// Backs up and restores all rows of a database. Called by tests of the recovery after a restore.
import type { Sql } from "postgres";

const TABLES = `
  select string_agg(format('%I', c.relname), ',' order by c.relname) as tables
    from pg_class c
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and c.relname <> 'schema_migrations'`;

/** Copies all current rows into the schema `backup`. */
export async function takeBackup(sql: Sql): Promise<void> {
  await sql.begin("isolation level repeatable read", async (tx) => {
    await tx`drop schema if exists backup cascade`;
    await tx`create schema backup`;
    for (const table of await tablesOf(sql))
      await tx.unsafe(`create table backup.${table} as select * from public.${table}`);
  });
}

/** Restores all rows from the schema `backup`. */
export async function restoreBackup(sql: Sql): Promise<void> {
  const tables = await tablesOf(sql);
  await sql.begin(async (tx) => {
    // As pg_restore does: rows come in any order, and their constraints were checked when they were written.
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(`truncate ${tables.map((table) => `public.${table}`).join(", ")}`);
    for (const table of tables)
      await tx.unsafe(`insert into public.${table} overriding system value select * from backup.${table}`);
  });
}

async function tablesOf(sql: Sql): Promise<readonly string[]> {
  const [row] = await sql.unsafe<{ tables: string }[]>(TABLES);
  return (row?.tables ?? "").split(",");
}
