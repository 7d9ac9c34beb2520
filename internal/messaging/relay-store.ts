// How a row of the outbox becomes published: claimed, handed over as one text, marked. The only way of relay and
// publisher into the outbox, so that another way of publishing (deleting rows, a cursor per shard) is a change to this file alone.
import type { ISql, Sql } from "postgres";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import type { Tx } from "./database.ts";

/** A claim: what the producer takes as it is, and the ids in the same order. */
export interface ClaimedEvents {
  readonly text: string;
  readonly ids: readonly string[];
}

export interface ClaimRange {
  /** Of the events whose id begins with this time (epoch ms) or a later one; see claim-floor.ts. Default: all. */
  readonly from?: number;
  /** Of those that were written so long ago, by the database's own clock. Default: all. */
  readonly graceMs?: number;
}

/**
 * Claims the oldest unpublished events that no other relay has in hand, except those in `setAside`. The text is built by
 * the server: a batch costs this process one string instead of an object per event. jsonb never holds a raw control character,
 * so the separators cannot occur in a body.
 *
 * `= any(array(select ..))`, because with `in (select ..)` one run in four fell into a plan five times dearer. The least and the
 * greatest of the ids are said as well: Postgres leaves out the partitions of other days by a comparison, and by a list it does not.
 */
export async function claimEvents(
  tx: Tx,
  limit: number,
  setAside: readonly string[],
  { from = 0, graceMs = 0 }: ClaimRange = {},
): Promise<ClaimedEvents> {
  const [claim] = await tx<[{ text: string | null; ids: string | null }]>`
    with claimed as materialized (
      select array(
        select event_id from outbox
         where not published and event_id <> all(${arrayText(setAside)}::text::uuid[]) and event_id >= ${floorOf(from)}::uuid
           and created_at <= clock_timestamp() - make_interval(secs => ${graceMs / 1_000}::float8)
         order by event_id limit ${limit} for update skip locked) as ids)
    select string_agg(concat_ws(${FIELD_SEPARATOR}::text, topic, partition_key, coalesce(headers ->> 'type', ''), payload::text),
                      ${RECORD_SEPARATOR}::text order by event_id) as text,
           string_agg(event_id::text, ',' order by event_id) as ids
      from outbox
     where event_id = any((select ids from claimed)::uuid[])
       and event_id >= (select ids[1] from claimed) and event_id <= (select ids[cardinality(ids)] from claimed)`;
  return { text: claim.text ?? "", ids: claim.ids?.split(",") ?? [] };
}

/**
 * The same for events that the process which wrote them has published: those that a relay has in hand are left to it, which marks
 * them itself.
 */
export function markPublishedFree(tx: ISql, ids: readonly string[]): PromiseLike<unknown> {
  const sorted = ids.toSorted();
  return tx`
    update outbox set published = true, published_at = clock_timestamp()
     where event_id = any(array(
             select event_id from outbox
              where event_id = any(${arrayText(sorted)}::text::uuid[]) and not published
                and event_id >= ${sorted[0] ?? null}::uuid and event_id <= ${sorted.at(-1) ?? null}::uuid
                for update skip locked))
       and event_id >= ${sorted[0] ?? null}::uuid and event_id <= ${sorted.at(-1) ?? null}::uuid`;
}

/** Kept after this, so that Kafka could be rebuilt from the outboxes; retention.ts removes them by the day. */
export function markPublished(tx: ISql, ids: readonly string[]): PromiseLike<unknown> {
  const sorted = ids.toSorted();
  return tx`
    update outbox set published = true, published_at = clock_timestamp()
     where event_id = any(${arrayText(sorted)}::text::uuid[]) and not published
       and event_id >= ${sorted[0] ?? null}::uuid and event_id <= ${sorted.at(-1) ?? null}::uuid`;
}

export interface Backlog {
  /** Exact up to `limit`. */
  readonly unpublished: number;
  /** Epoch ms; null when nothing waits. */
  readonly oldestCreatedAt: number | null;
}

/** What waits to be published. Reads the partial index only, and no more than `limit` entries of it. */
export async function measureBacklog(sql: Sql, limit: number): Promise<Backlog> {
  const [row] = await sql<[{ unpublished: number; oldest: number | null }]>`
    select (select count(*) from (select from outbox where not published order by event_id limit ${limit}) waiting) as unpublished,
           (select created_at from outbox where not published order by event_id limit 1) as oldest`;
  return { unpublished: row.unpublished, oldestCreatedAt: row.oldest };
}

/**
 * For how long, in seconds, somebody has been looking at the database as it was: a dump, a forgotten transaction. 0 where nobody is.
 * Other users' sessions show only to members of pg_read_all_stats.
 */
export async function oldestSnapshotSeconds(sql: Sql): Promise<number> {
  const [row] = await sql<[{ age: number | null }]>`
    select extract(epoch from clock_timestamp() - min(xact_start))::float8 as age
      from pg_stat_activity
     where backend_xmin is not null and datname = current_database() and pid <> pg_backend_pid()`;
  return row.age ?? 0;
}

/** The least UUIDv7 of a time. */
function floorOf(epochMs: number): string {
  const time = epochMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** The time in a UUIDv7, epoch ms. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** A Postgres array literal; ids come from the database itself and need no quoting. */
function arrayText(ids: readonly string[]): string {
  return `{${ids.join(",")}}`;
}
