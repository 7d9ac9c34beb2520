// How an outbox row is published: claimed, handed over as one text, marked. Relay and publisher use the outbox only through this
// file, so another way of publishing (deleting rows, a cursor per shard) changes this file alone.
import type { ISql, Sql } from "postgres";
import type { OutboxRule } from "../../schemas/outbox-rules.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { firstIdOf } from "../kernel/time-of-id.ts";
import type { Tx } from "./database.ts";

/** A claim: the text for the producer, and the ids in the same order. */
export interface ClaimedEvents {
  readonly text: string;
  readonly ids: readonly string[];
}

export interface ClaimRange {
  /** Only events whose id carries this time (epoch ms) or a later one; see claim-floor.ts. Default: all. */
  readonly from?: number;
  /** Only events written at least this long ago, by the clock of the database. Default: all. */
  readonly graceMs?: number;
  /** Only events that this rule allows. Default: all. */
  readonly rule?: OutboxRule | undefined;
}

/**
 * Claims the oldest unpublished events that no other relay has claimed, except those in `setAside`. The server builds the text: a
 * batch costs this process one string instead of an object per event. jsonb never holds a raw control character, so the separators
 * cannot occur in a body. They are taken out of the other columns: a key with separators in it would be several records.
 *
 * With `in (select ..)` instead of `= any(array(select ..))` one run in four got a plan five times more expensive. The smallest and
 * the largest id are stated as well: they let Postgres skip the partitions of other days, which a list does not.
 */
export async function claimEvents(
  tx: Tx,
  limit: number,
  setAside: readonly string[],
  { from = 0, graceMs = 0, rule }: ClaimRange = {},
): Promise<ClaimedEvents> {
  const separators = `${FIELD_SEPARATOR}${RECORD_SEPARATOR}`;
  const allowed = rule === undefined ? tx`` : tx` and ${isAllowed(tx, rule)}`;
  const [claim] = await tx<[{ text: string | null; ids: string | null }]>`
    with claimed as materialized (
      select array(
        select event_id from outbox
         where not published and event_id <> all(${arrayText(setAside)}::text::uuid[]) and event_id >= ${firstIdOf(from)}::uuid
           and created_at <= clock_timestamp() - make_interval(secs => ${graceMs / 1_000}::float8)${allowed}
         order by event_id limit ${limit} for update skip locked) as ids)
    select string_agg(concat_ws(${FIELD_SEPARATOR}::text, translate(topic, ${separators}::text, ''), translate(partition_key, ${separators}::text, ''),
                                translate(coalesce(headers ->> 'type', ''), ${separators}::text, ''), payload::text),
                      ${RECORD_SEPARATOR}::text order by event_id) as text,
           string_agg(event_id::text, ',' order by event_id) as ids
      from outbox
     where event_id = any((select ids from claimed)::uuid[])
       and event_id >= (select ids[1] from claimed) and event_id <= (select ids[cardinality(ids)] from claimed)`;
  return { text: claim.text ?? "", ids: claim.ids?.split(",") ?? [] };
}

/** What waits in an outbox, of what `claimEvents` would look at. */
export interface Waiting {
  /** Something that it would claim, or that another relay has claimed. */
  readonly isDue: boolean;
  /** Anything, however young. */
  readonly isAny: boolean;
}

/** One statement without a transaction, for a relay that has nothing to do. */
export async function whatWaits(
  sql: Sql,
  setAside: readonly string[],
  { from = 0, graceMs = 0, rule }: ClaimRange = {},
): Promise<Waiting> {
  const allowed = rule === undefined ? sql`` : sql` and ${isAllowed(sql, rule)}`;
  const open = sql`
    not published and event_id <> all(${arrayText(setAside)}::text::uuid[]) and event_id >= ${firstIdOf(from)}::uuid${allowed}`;
  const [waiting] = await sql<[Waiting]>`
    select exists (
             select from outbox
              where ${open} and created_at <= clock_timestamp() - make_interval(secs => ${graceMs / 1_000}::float8)
              order by event_id limit 1) as "isDue",
           exists (select from outbox where ${open} order by event_id limit 1) as "isAny"`;
  return waiting;
}

/**
 * Like `markPublished`, for events published by the process that wrote them. Skips events that a relay has claimed; the relay marks
 * those itself.
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

/** Marked rows are kept, so that Kafka can be rebuilt from the outboxes; retention.ts removes them by the day. */
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

/** The backlog of unpublished events. Reads only the partial index, and at most `limit` entries of it. */
export async function measureBacklog(sql: Sql, limit: number): Promise<Backlog> {
  const [row] = await sql<[{ unpublished: number; oldest: number | null }]>`
    select (select count(*) from (select from outbox where not published order by event_id limit ${limit}) waiting) as unpublished,
           (select created_at from outbox where not published order by event_id limit 1) as oldest`;
  return { unpublished: row.unpublished, oldestCreatedAt: row.oldest };
}

/** With the events that their outbox may not send, which do not wait for Kafka. */
export interface RefusedBacklog extends Backlog {
  readonly refused: number;
}

/** Like `measureBacklog`, for an outbox with events that it may not send. Reads the rows themselves. */
export async function measureRefused(sql: Sql, limit: number, rule: OutboxRule): Promise<RefusedBacklog> {
  const [row] = await sql<[{ unpublished: number; refused: number; oldest: number | null }]>`
    select count(*) filter (where is_allowed) as unpublished, count(*) filter (where not is_allowed) as refused,
           min(created_at) filter (where is_allowed) as oldest
      from (select created_at, ${isAllowed(sql, rule)} as is_allowed
              from outbox where not published order by event_id limit ${limit}) waiting`;
  return { unpublished: row.unpublished, refused: row.refused, oldestCreatedAt: row.oldest };
}

/** The rule as a condition on a row of the outbox. */
function isAllowed(sql: ISql, { pairs }: OutboxRule) {
  const allowed = pairs.map((pair) => pair.join(FIELD_SEPARATOR)).join(RECORD_SEPARATOR);
  return sql`concat_ws(${FIELD_SEPARATOR}::text, topic, coalesce(headers ->> 'type', ''))
             = any(string_to_array(${allowed}::text, ${RECORD_SEPARATOR}::text))`;
}

/**
 * The age in seconds of the oldest snapshot, for example of a dump or a forgotten transaction; 0 when there is none. Only members
 * of pg_read_all_stats see the sessions of other users.
 */
export async function oldestSnapshotSeconds(sql: Sql): Promise<number> {
  const [row] = await sql<[{ age: number | null }]>`
    select extract(epoch from clock_timestamp() - min(xact_start))::float8 as age
      from pg_stat_activity
     where backend_xmin is not null and datname = current_database() and pid <> pg_backend_pid()`;
  return row.age ?? 0;
}

/** A Postgres array literal. The ids come from the database itself and need no quoting. */
function arrayText(ids: readonly string[]): string {
  return `{${ids.join(",")}}`;
}
