// The SQL of republishing: rows of an outbox that Kafka had and has no more wait for the relay again. Called by republish.ts.
import type { Sql } from "postgres";
import { TOPICS } from "../../schemas/topics.ts";
import { notifyRelay } from "../messaging/outbox.ts";

/**
 * What of an outbox is meant: written from `since` on and before `until`, and given to Kafka before `publishedBefore`, in epoch ms;
 * without what operators have given up for good.
 */
export interface Stretch {
  readonly since: number;
  /** Null for no end. */
  readonly until: number | null;
  readonly publishedBefore: number;
  /** Ids of messages whose dead letters were discarded. */
  readonly discarded: readonly string[];
}

/** How many published events lie in the stretch. */
export async function countPublished(sql: Sql, stretch: Stretch): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::float8 as count from outbox where ${isIn(sql, stretch)}`;
  return row.count;
}

/** When the oldest event that the outbox still holds was written, epoch ms; null where it is empty. */
export async function oldestHeld(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ at: number }[]>`
    select (extract(epoch from uuid_extract_timestamp(event_id)) * 1000)::float8 as at
      from outbox order by event_id limit 1`;
  return row?.at ?? null;
}

/**
 * Makes the oldest `limit` published events of the stretch after the event `after` wait for the relay again, and wakes it.
 * Returns how many there were, and the last of them, to go on after. `created_at` is since when a row waits, which is now; when
 * an event was first said its id tells.
 */
export async function unpublish(
  sql: Sql,
  stretch: Stretch,
  after: string | null,
  limit: number,
): Promise<{ readonly count: number; readonly last: string | null }> {
  return sql.begin(async (tx) => {
    const rows = await tx<{ event_id: string }[]>`
      update outbox set published = false, published_at = null, created_at = clock_timestamp()
       where event_id = any(array(
         select event_id from outbox
          where ${isIn(sql, stretch)}
            and event_id > coalesce(${after}::uuid, '00000000-0000-0000-0000-000000000000')
          order by event_id limit ${limit} for update))
      returning event_id`;
    if (rows.length > 0) await notifyRelay(tx);
    const last = rows.reduce((max, { event_id }) => (event_id > max ? event_id : max), after ?? "");
    return { count: rows.length, last: last === "" ? null : last };
  });
}

/**
 * Mails older than 23 hours are no part of any stretch. Their service has no inbox; it remembers for a day which it has sent, and
 * would send older ones to the shoppers again.
 */
function isIn(sql: Sql, { since, until, publishedBefore, discarded }: Stretch) {
  return sql`
    published and published_at < ${publishedBefore}::timestamptz
    and event_id >= uuid_v7_floor(${since}::timestamptz)
    and event_id < coalesce(uuid_v7_floor(${until}::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    and event_id <> all(${[...discarded]}::uuid[])
    and (topic <> ${TOPICS.notifications} or event_id >= uuid_v7_floor(now() - interval '23 hours'))`;
}

/** The database's own clock, in whole epoch ms, not before now. */
export async function clockOf(sql: Sql): Promise<number> {
  const [row] = await sql<[{ now: number }]>`
    select ceil(extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
  return row.now;
}
