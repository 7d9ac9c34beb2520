// The outbox table: messages written in the transaction of the change they report, to be published to Kafka. Every writer uses
// `append`: message processor, saga intake, timers, sweeper, payment executor, webhooks. Dead letters have their own statements.
import type postgres from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { Message } from "../../schemas/registry.ts";
import { DEAD_LETTER_TYPE } from "../../schemas/outbox-rules.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { columnText } from "./columns.ts";
import type { AppendedEvent, Transaction, Tx } from "./database.ts";
import { deadLetterKey } from "./dead-letter.ts";
import { envelop, type Envelope, type EnvelopeContext } from "./envelope.ts";
import type { Outgoing } from "./handler.ts";

/** NOTIFY on this channel wakes the relays of the database. */
export const OUTBOX_CHANNEL = "outbox";

/** What a decision returned, and the trace of its cause. */
export interface Caused {
  readonly out: readonly Outgoing[];
  /** W3C trace context. */
  readonly traceparent?: string | undefined;
}

/**
 * The statements that append the messages; empty for no messages. Pass them to `Transaction.finish` with the change itself. After
 * the commit the publisher of this process sends them (`Transaction.appended`). Without a publisher the statements wake the relay,
 * with one NOTIFY per transaction of any size, because Postgres runs commits that notify one after the other.
 */
export function append(
  transaction: Pick<Transaction, "tx" | "appended">,
  caused: readonly Caused[],
  context: EnvelopeContext,
): readonly PromiseLike<unknown>[] {
  const envelopes = caused.flatMap(({ out, traceparent }) => envelop(out, context, traceparent));
  return appendEnvelopes(transaction, envelopes);
}

/** Like `append`, for messages that already have their ids. */
export function appendEnvelopes(
  { tx, appended }: Pick<Transaction, "tx" | "appended">,
  envelopes: readonly Envelope[],
): readonly PromiseLike<unknown>[] {
  if (envelopes.length === 0) return [];
  const rows = envelopes.map(rowOf);
  if (appended === null) return [insertEvents(tx, rows), notifyRelay(tx)];
  appended.push(...rows.map(eventOf));
  return [insertEvents(tx, rows)];
}

/** A message as a row of the outbox. */
export function rowOf({ topic, message }: Envelope): EventRow {
  return {
    event_id: message.message_id,
    topic,
    partition_key: message.saga_id,
    type: message.type,
    payload: JSON.stringify(message),
  };
}

/** A row as the publisher sends it. */
export function eventOf({ event_id, topic, partition_key, type, payload }: EventRow): AppendedEvent {
  return { event_id, record: [topic, partition_key, type, payload].join(FIELD_SEPARATOR) };
}

/** Like `append`, for dead letters. A record that exists already (its message was delivered again) stays as it is. */
export function deadLetterStatements(
  tx: Tx,
  records: readonly DeadLetter[],
): readonly PromiseLike<unknown>[] {
  if (records.length === 0) return [];
  const rows = records.map((record) => ({
    event_id: record.dead_letter_id,
    topic: TOPICS.deadLetters,
    partition_key: deadLetterKey(record),
    type: DEAD_LETTER_TYPE,
    payload: record,
  }));
  return [insertEventsOnce(tx, rows), notifyRelay(tx)];
}

/** Any connection; the caller decides whether it is in a transaction. */
type Connection = postgres.ISql;

export interface OutboxRow {
  readonly event_id: string;
  /** One of TOPICS, unless a record names another topic. */
  readonly topic: string;
  readonly partition_key: string;
  readonly type: string;
  readonly payload: Message | DeadLetter;
}

/** With its payload as JSON text. */
export type EventRow = Omit<OutboxRow, "payload"> & { readonly payload: string };

export function insertEvents(tx: Tx, rows: readonly EventRow[]): postgres.PendingQuery<postgres.Row[]> {
  return tx`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select event_id::uuid, topic, partition_key, payload::jsonb, jsonb_build_object('type', type) from ${unpacked(tx, rows)}`;
}

/** Existing rows stay as they are. */
export function insertEventsOnce(tx: Connection, rows: readonly OutboxRow[]): PromiseLike<unknown> {
  return tx`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select event_id::uuid, topic, partition_key, payload::jsonb, jsonb_build_object('type', type) from ${unpacked(tx, rows.map(textRowOf))}
        on conflict do nothing`;
}

function textRowOf({ payload, ...row }: OutboxRow): EventRow {
  return { ...row, payload: JSON.stringify(payload) };
}

function unpacked(tx: Connection, rows: readonly EventRow[]) {
  const column = (of: (row: EventRow) => string) => columnText(rows, of);
  return tx`
    unnest(string_to_array(${column((row) => row.event_id)}::text, ${RECORD_SEPARATOR}::text),
           string_to_array(${column((row) => row.topic)}::text, ${RECORD_SEPARATOR}::text),
           string_to_array(${column((row) => row.partition_key)}::text, ${RECORD_SEPARATOR}::text),
           string_to_array(${column((row) => row.type)}::text, ${RECORD_SEPARATOR}::text),
           string_to_array(${column((row) => row.payload)}::text, ${RECORD_SEPARATOR}::text))
      as event (event_id, topic, partition_key, type, payload)`;
}

/** A message that Kafka has and its outbox has lost. `published_at` is when Kafka took it, RFC 3339. */
export interface PublishedRow extends OutboxRow {
  readonly published_at: string;
}

/** Existing rows stay as they are. Returns the ids of the rows that were missing. */
export function insertPublished(
  tx: Connection,
  rows: readonly PublishedRow[],
): PromiseLike<readonly { readonly event_id: string }[]> {
  return tx<{ event_id: string }[]>`
    insert into outbox (event_id, topic, partition_key, payload, headers, created_at, published, published_at)
    select event_id, topic, partition_key, payload, jsonb_build_object('type', type), published_at, true, published_at
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as event (event_id uuid, topic text, partition_key text, type text, payload jsonb, published_at timestamptz)
        on conflict do nothing
    returning event_id`;
}

/** Which of these messages the outbox holds; with the id bounds of inbox.ts. */
export async function findInOutbox(
  sql: Connection,
  eventIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ event_id: string }[]>`
    with wanted as materialized (
      select array(
        select value::uuid from json_array_elements_text(${JSON.stringify(eventIds)}::text::json) order by 1) as ids)
    select event_id from outbox
     where event_id = any((select ids from wanted)::uuid[])
       and event_id >= (select ids[1] from wanted) and event_id <= (select ids[cardinality(ids)] from wanted)`;
  return new Set(rows.map(({ event_id }) => event_id));
}

/** Call it once per transaction, of any size. */
export function notifyRelay(tx: Connection): PromiseLike<unknown> {
  return tx`select pg_notify(${OUTBOX_CHANNEL}, '')`;
}
