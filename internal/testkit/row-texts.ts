// Searches all tables of a database for a text that must not be stored anywhere. Called by tests.
import type { Sql } from "postgres";

/** The names of the tables and partitions that have a row containing one of `texts`. */
export async function tablesHolding(sql: Sql, texts: readonly string[]): Promise<readonly string[]> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`;
  if (tables.length === 0) throw new Error("the database has no table to search");
  const patterns = texts.map((text) => `%${text.replaceAll(/[%_\\]/gu, String.raw`\$&`)}%`);
  const held = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await sql.unsafe<{ held: boolean }[]>(
        `select exists (select from ${name} as found where found::text ilike any($1)) as held`,
        [patterns],
      );
      return row?.held === true ? [name] : [];
    }),
  );
  return held.flat();
}
