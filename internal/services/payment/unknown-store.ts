// How long payments have been without an end, for an alert. Called once a minute by cmd/payment.
import type { Sql } from "postgres";

/**
 * Since when (epoch ms) the oldest payment has no end: its result is UNKNOWN, or its money is held. Null if there is none. A shopper's
 * time to confirm a payment does not count. Reads only payments in progress.
 */
export async function oldestUnknown(sql: Sql): Promise<number | null> {
  const [row] = await sql<[{ since: number | null }]>`
    select least(
             (select min(greatest(first_attempt_at, action_expires_at)) from payments where status = 'UNKNOWN'),
             (select min(greatest(first_attempt_at, action_expires_at)) from payments
               where status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING'))) as since`;
  return row.since;
}
