// The SQL of a replay: put a message back into its outbox, and read its state at the consumer.
import type { Sql } from "postgres";
import { notifyRelay, type OutboxRow } from "../messaging/outbox.ts";

/** A message as its producer wrote it. */
export interface SentMessage {
  readonly message_id: string;
  readonly type: string;
  readonly saga_id: string;
  /** When the outbox wrote it last, by its own clock, to the microsecond. Absent if retention deleted it. */
  readonly written_at?: string;
}

/** The messages that are still in the outbox. */
export async function findInOutbox(sql: Sql, messageIds: readonly string[]): Promise<readonly SentMessage[]> {
  return sql<SentMessage[]>`
    select event_id as message_id, coalesce(headers ->> 'type', '') as type, partition_key as saga_id,
           to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as written_at
      from outbox where event_id = any(${[...messageIds]}::uuid[])`;
}

/** A message that is in its outbox since `written_at`. */
export interface KeptMessage {
  readonly message_id: string;
  readonly written_at: string;
}

/**
 * Makes the relay publish these messages again under their own ids. `kept` rows are in the outbox; `lost` rows were deleted by
 * retention and come from the dead letter. `created_at` is set to now, because it is the start of the wait for Kafka, and because only
 * one of two callers that have read the same `written_at` may send the message. The id keeps the original time.
 */
export async function putBack(
  sql: Sql,
  { kept, lost }: { readonly kept: readonly KeptMessage[]; readonly lost: readonly OutboxRow[] },
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      update outbox set published = false, published_at = null, created_at = clock_timestamp()
        from json_to_recordset(${JSON.stringify(kept)}::text::json) as wanted (message_id uuid, written_at timestamptz)
       where event_id = message_id and created_at = written_at and published`;
    // By a function, because who replays must not be able to write any message (migration 0038).
    if (lost.length > 0) await tx`select put_back_events(${JSON.stringify(lost)}::text::json)`;
    await notifyRelay(tx);
  });
}

/** The state of a message in its consumer's tables. */
export type Sign = "handled" | "refused" | "retry pending" | "dead-lettered";

export interface SignOf {
  readonly message_id: string;
  readonly sign: Sign;
}

/** The ids of replies and dead letters start with the time of a service or a broker. Clocks may differ by up to this. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * The state of the messages at the consumer of this database; messages without a sign are missing. Replies and dead letters count
 * from `since` (read from `clockOf`), because a replayed message has an older dead letter. The id range limits the search to
 * recent rows instead of the whole outbox.
 */
export function signsOf(sql: Sql, messageIds: readonly string[], since: number): Promise<SignOf[]> {
  return sql<SignOf[]>`
    with wanted as materialized (select unnest(${[...messageIds]}::uuid[]) as message_id),
    reported as materialized (
      select headers ->> 'type' as type,
             coalesce(payload ->> 'command_id', payload #>> '{original_command,message_id}') as message_id
        from outbox
       where event_id >= uuid_v7_floor(${Math.floor(since) - CLOCK_MARGIN_MS}::timestamptz)
         and extract(epoch from created_at) * 1000 >= ${since}::float8
         and headers ->> 'type' in ('CommandRefused', 'DeadLetter'))
    select message_id, sign from (
      select message_id,
             case when exists (select from reported s where s.type = 'CommandRefused' and s.message_id = w.message_id::text)
                    then 'refused'
                  when exists (select from inbox i where i.message_id = w.message_id) then 'handled'
                  when exists (select from retry r where r.message_id = w.message_id) then 'retry pending'
                  when exists (select from reported s where s.type = 'DeadLetter' and s.message_id = w.message_id::text)
                    then 'dead-lettered' end as sign
        from wanted w) found
     where sign is not null`;
}

/** The messages that are published. */
export async function publishedOf(sql: Sql, messageIds: readonly string[]): Promise<readonly string[]> {
  const rows = await sql<{ event_id: string }[]>`
    select event_id from outbox where event_id = any(${[...messageIds]}::uuid[]) and published`;
  return rows.map(({ event_id }) => event_id);
}
