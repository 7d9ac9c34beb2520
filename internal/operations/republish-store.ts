// The SQL for republishing: marks published outbox rows as unpublished, so the relay sends them again. Called by plan-republish.ts and
// run-republish.ts.
import type { PendingQuery, Row, Sql, TransactionSql } from "postgres";
import { TOPICS } from "../../schemas/topics.ts";
import { notifyRelay } from "../messaging/outbox.ts";

/**
 * Selects outbox rows: written from `since` on and before `until`, and published before `publishedBefore`, in epoch ms. Messages
 * that operators discarded are excluded.
 */
export interface TimeRange {
  readonly since: number;
  /** Null for no end. */
  readonly until: number | null;
  readonly publishedBefore: number;
  /** Ids of messages whose dead letters were discarded. */
  readonly discarded: readonly string[];
}

/**
 * A week of messages is counted one by one, when the servers are busiest: longer than a page waits for other statements, but shorter than
 * the console's connection, which closes after 90 s without an answer (serve-http.ts).
 */
const COUNT_TIMEOUT = "80s";

/**
 * The number of published events in the range. The same whenever it is asked, unless retention or an operator has removed some:
 * the limit for mails is counted from `publishedBefore` too, so a run may leave out a mail that was counted.
 */
export async function countPublished(sql: Sql, range: TimeRange): Promise<number> {
  return sql.begin(async (tx) => {
    await tx`select set_config('statement_timeout', ${COUNT_TIMEOUT}, true)`;
    const [row] = await tx<[{ count: number }]>`
      select count(*)::float8 as count from outbox
       where ${isIn(tx, range, tx`${range.publishedBefore}::timestamptz`)}`;
    return row.count;
  });
}

/** When the oldest event in the outbox was written, epoch ms; null if the outbox is empty. */
export async function oldestHeld(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ at: number }[]>`
    select (extract(epoch from uuid_extract_timestamp(event_id)) * 1000)::float8 as at
      from outbox order by event_id limit 1`;
  return row?.at ?? null;
}

/**
 * Marks the oldest `limit` published events of the range after the event `after` as unpublished, and wakes the relay. Returns
 * their number and the last id, where the next call continues. `created_at` is set to now, because it is the start of the wait.
 * The id keeps the original time.
 */
export async function unpublish(
  sql: Sql,
  range: TimeRange,
  after: string | null,
  limit: number,
): Promise<{ readonly count: number; readonly last: string | null }> {
  return sql.begin(async (tx) => {
    const rows = await tx<{ event_id: string }[]>`
      update outbox set published = false, published_at = null, created_at = clock_timestamp()
       where event_id = any(array(
         select event_id from outbox
          where ${isIn(sql, range, sql`now()`)}
            and event_id > coalesce(${after}::uuid, '00000000-0000-0000-0000-000000000000')
          order by event_id limit ${limit} for update))
      returning event_id`;
    if (rows.length > 0) await notifyRelay(tx);
    const last = rows.reduce((max, { event_id }) => (event_id > max ? event_id : max), after ?? "");
    return { count: rows.length, last: last === "" ? null : last };
  });
}

/**
 * Excludes mails that are older than 23 hours at `mailsAt`. Their service has no inbox: it remembers sent mails for a day, and would send older ones to
 * the shoppers again.
 */
function isIn(
  sql: Sql | TransactionSql,
  { since, until, publishedBefore, discarded }: TimeRange,
  mailsAt: PendingQuery<Row[]>,
) {
  return sql`
    published and published_at < ${publishedBefore}::timestamptz
    and event_id >= uuid_v7_floor(${since}::timestamptz)
    and event_id < coalesce(uuid_v7_floor(${until}::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    and event_id <> all(${[...discarded]}::uuid[])
    and (topic <> ${TOPICS.notifications} or event_id >= uuid_v7_floor(${mailsAt} - interval '23 hours'))`;
}
