// The SQL of `checkoutctl repair`, beside that of the rebuilds which it runs. Called by repair-loss.ts and repair.ts.
import type { Sql } from "postgres";
import { notifyRelay } from "../messaging/outbox.ts";

/** Messages that failed or met a locked row, and whose service tries them again. */
export async function waitingForRetry(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ message_id: string }[]>`select message_id from retry`;
  return rows.map(({ message_id }) => message_id);
}

/**
 * When the last transaction ended that this server got from its primary, epoch ms. Null if it was never a standby, or was restarted since its
 * promotion.
 */
export async function lastReplayedAt(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ at: number | null }[]>`
    select (extract(epoch from pg_last_xact_replay_timestamp()) * 1000)::float8 as at`;
  return row?.at ?? null;
}

export async function isStandby(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`;
  return row?.standby === true;
}

/** Whether this program has sessions in the database, by the name that it gives itself. */
export async function hasSessions(sql: Sql, program: string): Promise<boolean> {
  const rows = await sql`
    select from pg_stat_activity
     where datname = current_database() and application_name = ${program} limit 1`;
  return rows.length > 0;
}

/** Which of these messages wait in the outbox to be published. */
export async function notPublished(outbox: Sql, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await outbox<{ event_id: string }[]>`
    select event_id from outbox
     where event_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(messageIds)}::text::json)))
       and not published`;
  return new Set(rows.map(({ event_id }) => event_id));
}

/** Makes the relay publish these messages again. Returns how many it can: those that the outbox has and that were published. */
export async function sendAgain(outbox: Sql, messageIds: readonly string[]): Promise<number> {
  if (messageIds.length === 0) return 0;
  return outbox.begin(async (tx) => {
    const { count } = await tx`
      update outbox set published = false, published_at = null, created_at = clock_timestamp()
       where event_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(messageIds)}::text::json)))
         and published`;
    if (count > 0) await notifyRelay(tx);
    return count;
  });
}

/** The mails asked for since `since` (epoch ms) that were published. */
export async function mailsSince(saga: Sql, since: number): Promise<readonly string[]> {
  const rows = await saga<{ event_id: string }[]>`
    select event_id from outbox
     where headers ->> 'type' = 'SendNotification' and published and event_id >= uuid_v7_floor(${since}::timestamptz)
     order by event_id`;
  return rows.map(({ event_id }) => event_id);
}

/** A repair that has begun and not ended. */
export interface OpenRepair {
  readonly action_id: string;
  /** The database. */
  readonly subject: string;
  /** Epoch ms. */
  readonly since: number;
}

export async function openRepairs(saga: Sql): Promise<readonly OpenRepair[]> {
  return saga<OpenRepair[]>`
    select action_id, subject, (parameters ->> 'since')::float8 as since from operator_actions
     where action = 'database.repair' and outcome is null and parameters ->> 'since' is not null order by action_id`;
}

/** The status of each of these sagas; unknown ones are missing. */
export async function statusesOf(
  saga: Sql,
  sagaIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await saga<{ saga_id: string; status: string }[]>`
    select saga_id, status from saga_state
     where saga_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json)))`;
  return new Map(rows.map(({ saga_id, status }) => [saga_id, status]));
}
