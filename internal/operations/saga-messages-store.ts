// The messages of one saga in an outbox. Ids are ordered by time, so only the seconds around the saga's changes are read. Times are
// epoch ms. Called by saga-story.ts.
import type { Sql } from "postgres";

export interface MessageRow {
  readonly message_id: string;
  readonly topic: string;
  readonly type: string;
  readonly body: unknown;
  readonly created_at: number;
  /** Null while it waits for Kafka. */
  readonly published_at: number | null;
}

/** A message is written in the transaction that changes its saga. The time in its id and the time of the row differ by at most this. */
const SLACK_MS = 5_000;
/** A saga with more transitions is one that was resent for hours; its newest ones are read. */
const MAX_WINDOWS = 50;
const MAX_MESSAGES = 500;

/** `times`: when the saga changed. `ids`: further messages that are known to be the saga's. Oldest first. */
export function messagesOf(
  sql: Sql,
  sagaId: string,
  { times, ids }: { readonly times: readonly number[]; readonly ids: readonly string[] },
): Promise<MessageRow[]> {
  const windows = windowsAround(times);
  return sql<MessageRow[]>`
    select event_id as message_id, topic, coalesce(headers ->> 'type', '') as type, payload as body,
           (extract(epoch from created_at) * 1000)::float8 as created_at,
           (extract(epoch from published_at) * 1000)::float8 as published_at
      from (select m.* from json_to_recordset(${JSON.stringify(windows)}::text::json) as span (since float8, until float8)
              join outbox m on m.event_id >= uuid_v7_floor(to_timestamp(since / 1000))
                           and m.event_id < uuid_v7_floor(to_timestamp(until / 1000))
                           and m.partition_key = ${sagaId}
             union
            select m.* from outbox m
             where m.event_id = any(array(select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::text::json)))
               and m.partition_key = ${sagaId}) found
     order by event_id limit ${MAX_MESSAGES}`;
}

interface Window {
  readonly since: number;
  readonly until: number;
}

/** Without overlaps, so that no message is found twice. Pure. */
export function windowsAround(times: readonly number[]): readonly Window[] {
  const windows: { since: number; until: number }[] = [];
  for (const at of times.toSorted((one, other) => one - other).slice(-MAX_WINDOWS)) {
    const last = windows.at(-1);
    if (last !== undefined && at - SLACK_MS <= last.until) last.until = at + SLACK_MS;
    else windows.push({ since: at - SLACK_MS, until: at + SLACK_MS });
  }
  return windows;
}
