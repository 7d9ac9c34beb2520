// The SQL of republishing: rows of an outbox that Kafka had and has no more wait for the relay again. Called by republish.ts.
import type { Sql } from "postgres";
import { TOPICS } from "../../schemas/topics.ts";
import { OUTBOX_CHANNEL } from "../messaging/outbox.ts";

/** A stretch of an outbox by when its events were written, epoch ms: from `since` on, before `until`. */
export interface Stretch {
  readonly since: number;
  readonly until: number;
}

/**
 * Mails are no part of it past this age. Their service has no inbox; it remembers for a day which it has sent, and would send older
 * ones to the shoppers again.
 */
export const MAX_MAIL_AGE_MS = 23 * 60 * 60 * 1_000;

/** How many published events lie in the stretch. `now` in epoch ms. */
export async function countPublished(sql: Sql, stretch: Stretch, now: number): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::float8 as count from outbox where published and ${within(sql, stretch, now)}`;
  return row.count;
}

function within(sql: Sql, { since, until }: Stretch, now: number) {
  return sql`
    event_id >= uuid_v7_floor(${since}::timestamptz) and event_id < uuid_v7_floor(${until}::timestamptz)
    and (topic <> ${TOPICS.notifications} or event_id >= uuid_v7_floor(${now - MAX_MAIL_AGE_MS}::timestamptz))`;
}

/**
 * Makes the oldest `limit` published events of the stretch after the event `after` wait for the relay again, and wakes it.
 * Returns how many there were, and the last of them, to go on after. `created_at` is since when a row waits, which is now; when
 * an event was first said its id tells.
 */
export async function unpublish(
  sql: Sql,
  stretch: Stretch,
  now: number,
  after: string | null,
  limit: number,
): Promise<{ readonly count: number; readonly last: string | null }> {
  return sql.begin(async (tx) => {
    const rows = await tx<{ event_id: string }[]>`
      update outbox set published = false, published_at = null, created_at = clock_timestamp()
       where event_id = any(array(
         select event_id from outbox
          where published and ${within(sql, stretch, now)}
            and event_id > coalesce(${after}::uuid, '00000000-0000-0000-0000-000000000000')
          order by event_id limit ${limit} for update))
      returning event_id`;
    if (rows.length > 0) await tx`select pg_notify(${OUTBOX_CHANNEL}, '')`;
    const last = rows.reduce((max, { event_id }) => (event_id > max ? event_id : max), after ?? "");
    return { count: rows.length, last: last === "" ? null : last };
  });
}
