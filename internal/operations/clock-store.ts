// The clock of a database. What its rows say about time is compared with this one, never with the clock of the machine that asks.
import type { Sql } from "postgres";

/** Epoch ms, with fractions. */
export async function clockOf(sql: Sql): Promise<number> {
  const [row] = await sql<[{ now: number }]>`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
  return row.now;
}
