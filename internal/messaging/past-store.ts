// Which tables are behind a connection, so that a comparison of them with Kafka holds for these alone (past-watch.ts).
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Tx } from "./database.ts";

/** A table of each database that is not partitioned: only such a table has a file of its own. */
const TABLES = {
  saga: "saga_state",
  inventory: "reservations",
  payment: "payments",
  order: "orders",
} as const satisfies Record<DatabaseName, string>;

/**
 * For a statement: the start time of the server, and the file of a table. Both differ in a database that was restored, by whatever means,
 * and in a standby that took over.
 */
export const identity = (sql: Sql | Tx, database: DatabaseName) => sql`
  concat_ws(' ', extract(epoch from pg_postmaster_start_time()), pg_relation_filenode(${TABLES[database]}::text))`;

export async function identityOf(sql: Sql, database: DatabaseName): Promise<string> {
  const [row] = await sql<{ identity: string }[]>`select ${identity(sql, database)} as identity`;
  return row?.identity ?? "";
}
