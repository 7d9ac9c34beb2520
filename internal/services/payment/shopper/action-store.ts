// Charges that wait for their shopper, as the internal API needs them: by saga, without locks. Called by shopper-http.ts.
import type { Sql } from "postgres";

export interface OpenAction {
  readonly provider: string;
  readonly provider_txn_id: string;
  /** Epoch ms. */
  readonly expires_at: number;
}

/** The action that the saga's shopper can still take; undefined if there is none. `now` in epoch ms. */
export async function openAction(sql: Sql, saga_id: string, now: number): Promise<OpenAction | undefined> {
  // Status and charge are judged here: for a small table Postgres would read a whole partial index, of open payments or of charges that
  // wait, instead of the saga's row.
  const [row] = await sql<
    (Omit<OpenAction, "provider_txn_id"> & {
      readonly status: string;
      readonly provider_txn_id: string | null;
    })[]
  >`
    select status, provider, action_txn_id as provider_txn_id, action_expires_at as expires_at
      from payments
     where saga_id = ${saga_id} and not undo_requested and shopper_present
       and action_expires_at > ${now}::timestamptz`;
  if (row?.status !== "UNKNOWN" || row.provider_txn_id === null) return undefined;
  const { provider, provider_txn_id, expires_at } = row;
  return { provider, provider_txn_id, expires_at };
}

/**
 * Makes the look-up of a charge that waits for its shopper due now; false if there is none, or if it was written less than `pauseMs`
 * ago, so that nobody can make us ask the provider more often. A locked row is being changed anyway, so it is skipped.
 */
export async function lookUpSoon(sql: Sql, saga_id: string, now: number, pauseMs: number): Promise<boolean> {
  const { count } = await sql`
    update payments set next_attempt_at = ${now}::timestamptz, updated_at = ${now}::timestamptz
     where payment_id = any(array(
             select payment_id from payments
              where saga_id = ${saga_id} and status = 'UNKNOWN' and action_txn_id is not null
                and next_attempt_at > ${now}::timestamptz and updated_at <= ${now - pauseMs}::timestamptz
                for no key update skip locked))`;
  return count > 0;
}
