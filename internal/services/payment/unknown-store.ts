// How long payments have been without an end, for an alert. Called once a minute by cmd/payment. A shopper's time to confirm a payment does
// not count. Reads only payments in progress.
import type { Sql } from "postgres";

/** Since when (epoch ms) the oldest UNKNOWN payment has no result; null if there is none. */
export async function oldestUnknown(sql: Sql): Promise<number | null> {
  const [row] = await sql<[{ since: number | null }]>`
    select min(greatest(first_attempt_at, action_expires_at)) as since from payments where status = 'UNKNOWN'`;
  return row.since;
}

/** Since when (epoch ms) the oldest money is held, and neither taken nor released; null if there is none. */
export async function oldestHeld(sql: Sql): Promise<number | null> {
  const [row] = await sql<[{ since: number | null }]>`
    select min(greatest(first_attempt_at, action_expires_at)) as since
      from payments where status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING')`;
  return row.since;
}
