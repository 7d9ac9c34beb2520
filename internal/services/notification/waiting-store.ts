// SQL for waiting mails: those that were not sent at their first attempt. Called by waiting-mails.ts. All times come from the caller's
// clock, in epoch ms.
import { timestampOf, timestampOrNull } from "../../kernel/timestamp.ts";
import type { Sql } from "postgres";
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { LONGEST_PAUSE_MS } from "../../kernel/backoff.ts";
import type { RawMessage } from "../../kernel/ports.ts";
import { storedHeaders } from "../../messaging/dead-letter.ts";

/** The state of a mail that has not been sent. */
export interface MailState {
  /** Failed attempts that count against this mail. */
  readonly attempts: number;
  /** Time of the first failed attempt; null if there is none. */
  readonly firstFailedAt: number | null;
  readonly nextAttemptAt: number;
  /** The mail server's last reply, or why it was not asked. */
  readonly lastReply: string;
}

export interface NewWaitingMail extends MailState {
  readonly mailKey: string;
  readonly sagaId: string;
  readonly raw: RawMessage;
}

/** Stores mails. A mail that already waits (a redelivery) stays unchanged. */
export async function addWaiting(sql: Sql, mails: readonly NewWaitingMail[], now: number): Promise<void> {
  const rows = mails.map(({ mailKey, sagaId, raw, ...state }) => ({
    mail_key: mailKey,
    saga_id: sagaId,
    ...columnsOf(state),
    topic: raw.topic,
    partition: raw.partition,
    offset: raw.offset,
    timestamp_ms: raw.timestampMs,
    key: raw.key === null ? null : base64(raw.key),
    value: base64(raw.value ?? new Uint8Array()),
    headers: storedHeaders(raw),
  }));
  await sql`
    insert into waiting_mails (mail_key, saga_id, attempts, first_failed_at, stored_at, next_attempt_at, last_reply,
                               topic, partition, "offset", timestamp_ms, key, value, headers)
    select mail_key, saga_id, attempts, first_failed_at, ${now}::timestamptz, next_attempt_at, last_reply,
           topic, partition, "offset", timestamp_ms, decode(key, 'base64'), decode(value, 'base64'), headers
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as mail (
             mail_key text, saga_id uuid, attempts integer, first_failed_at timestamptz, next_attempt_at timestamptz,
             last_reply text, topic text, partition integer, "offset" bigint, timestamp_ms bigint, key text, value text,
             headers jsonb)
        on conflict do nothing`;
}

/** The keys among `mailKeys` whose mails wait. */
export async function waitingAmong(sql: Sql, mailKeys: readonly string[]): Promise<readonly string[]> {
  const rows = await sql<{ mail_key: string }[]>`
    select mail_key from waiting_mails
     where mail_key = any(array(select json_array_elements_text(${JSON.stringify(mailKeys)}::text::json)))`;
  return rows.map((row) => row.mail_key);
}

export interface WaitingMail extends MailState {
  readonly mailKey: string;
  readonly sagaId: string;
  readonly raw: RawMessage;
}

/**
 * Claims due mails (`isDue`), the longest due first, by moving their next attempt past the lease. If the claimer dies, the mails are only
 * delayed. A due time beyond the longest pause comes from a fast clock and counts as due.
 */
export async function claimWaiting(
  sql: Sql,
  now: number,
  leaseMs: number,
  limit: number,
): Promise<WaitingMail[]> {
  const rows = await sql<WaitingRow[]>`
    update waiting_mails set next_attempt_at = ${now + leaseMs}::timestamptz
     where mail_key = any(array(
       select mail_key from waiting_mails where next_attempt_at <= ${now}::timestamptz
        order by next_attempt_at limit ${limit} for update skip locked) || array(
       select mail_key from waiting_mails where next_attempt_at > ${now + LONGEST_PAUSE_MS}::timestamptz
        order by next_attempt_at limit ${limit} for update skip locked))
    returning mail_key, saga_id, attempts, first_failed_at, next_attempt_at, last_reply, topic, partition, "offset", timestamp_ms,
              key, value, headers`;
  return rows.map(fromRow);
}

/** Stores the state of a mail after an attempt. Does nothing if another process has removed the mail meanwhile. */
export async function saveState(sql: Sql, mailKey: string, state: MailState): Promise<void> {
  const { attempts, firstFailedAt, nextAttemptAt, lastReply } = state;
  await sql`
    update waiting_mails
       set attempts = ${attempts}, first_failed_at = ${firstFailedAt}::timestamptz,
           next_attempt_at = ${nextAttemptAt}::timestamptz, last_reply = ${lastReply}
     where mail_key = ${mailKey}`;
}

/** Removes a mail that was sent or dead-lettered. */
export async function removeWaiting(sql: Sql, mailKey: string): Promise<void> {
  await sql`delete from waiting_mails where mail_key = ${mailKey}`;
}

export interface WaitingSummary {
  readonly count: number;
  /** When the longest waiting mail was stored; null if none waits. */
  readonly oldestAt: number | null;
}

/** Counts up to `limit`. */
export async function summariseWaiting(sql: Sql, limit: number): Promise<WaitingSummary> {
  const [row] = await sql<[{ count: number; oldest_at: number | null }]>`
    select (select count(*) from (select from waiting_mails order by stored_at limit ${limit}) waiting) as count,
           (select stored_at from waiting_mails order by stored_at limit 1) as oldest_at`;
  return { count: row.count, oldestAt: row.oldest_at };
}

interface WaitingRow {
  readonly mail_key: string;
  readonly saga_id: string;
  readonly attempts: number;
  readonly first_failed_at: number | null;
  readonly next_attempt_at: number;
  readonly last_reply: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp_ms: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: DeadLetter["original"]["headers"];
}

function fromRow(row: WaitingRow): WaitingMail {
  const { topic, partition, offset, key, value } = row;
  const headers = row.headers.map(
    ({ name, value_base64 }) => [name, Buffer.from(value_base64, "base64")] as const,
  );
  return {
    mailKey: row.mail_key,
    sagaId: row.saga_id,
    attempts: row.attempts,
    firstFailedAt: row.first_failed_at,
    nextAttemptAt: row.next_attempt_at,
    lastReply: row.last_reply,
    raw: { topic, partition, offset, timestampMs: row.timestamp_ms, key, value, headers },
  };
}

function columnsOf({ attempts, firstFailedAt, nextAttemptAt, lastReply }: MailState) {
  return {
    attempts,
    first_failed_at: timestampOrNull(firstFailedAt),
    next_attempt_at: timestampOf(nextAttemptAt),
    last_reply: lastReply,
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
