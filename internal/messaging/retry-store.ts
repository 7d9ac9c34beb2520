// The retry table: failed messages that wait for their next attempt, outside their partition. SQL only; called by the message
// processor (scheduleRetries) and by the retry loop (the rest). All times come from the clock of the caller, in epoch ms.
import { timestampOf } from "../kernel/timestamp.ts";
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { LONGEST_PAUSE_MS } from "../kernel/backoff.ts";
import type { RawMessage } from "../kernel/ports.ts";
import type { Tx } from "./database.ts";
import { base64, type Cause, storedHeaders } from "./dead-letter.ts";

export interface FirstFailure {
  readonly message: { readonly message_id: string; readonly saga_id: string; readonly type: string };
  readonly raw: RawMessage;
  readonly cause: Cause;
  /** 1 after a first failure; 0 for a message that only needs a locked row. */
  readonly attempts: 0 | 1;
  readonly failedAt: number;
  readonly nextAttemptAt: number;
}

/**
 * Schedules the first retry of messages that failed or need a locked row. A retry that is scheduled already (a redelivery) stays as
 * it is.
 */
export function scheduleRetries(tx: Tx, failures: readonly FirstFailure[]): PromiseLike<unknown> {
  const rows = failures.map(({ message, raw, cause, attempts, failedAt, nextAttemptAt }) => ({
    attempts,
    message_id: message.message_id,
    saga_id: message.saga_id,
    message_type: message.type,
    failed_at: timestampOf(failedAt),
    next_attempt_at: timestampOf(nextAttemptAt),
    error_code: cause.code,
    error_message: cause.message,
    topic: raw.topic,
    partition: raw.partition,
    offset: raw.offset,
    timestamp_ms: raw.timestampMs,
    key: raw.key === null ? null : base64(raw.key),
    value: base64(raw.value ?? new Uint8Array()),
    headers: storedHeaders(raw),
  }));
  return tx`
    insert into retry (message_id, saga_id, message_type, attempts, next_attempt_at, first_failed_at, last_failed_at,
                       error_code, error_message, topic, partition, "offset", timestamp_ms, key, value, headers)
    select message_id, saga_id, message_type, attempts, next_attempt_at, failed_at, failed_at,
           error_code, error_message, topic, partition, "offset", timestamp_ms,
           decode(key, 'base64'), decode(value, 'base64'), headers
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as failure (
             message_id uuid, saga_id uuid, message_type text, attempts integer, next_attempt_at timestamptz, failed_at timestamptz,
             error_code text, error_message text, topic text, partition integer, "offset" bigint, timestamp_ms bigint,
             key text, value text, headers jsonb)
        on conflict do nothing`;
}

export interface PendingRetry {
  readonly message_id: string;
  readonly saga_id: string;
  readonly message_type: string;
  /** Failed attempts so far, including the first; 0 when it only waits for a locked row. */
  readonly attempts: number;
  readonly firstFailedAt: number;
  readonly raw: RawMessage;
}

/**
 * Claims due messages (`isDue`), oldest first, by moving their next attempt past the lease: a claimer that dies only delays them.
 */
export async function claimDue(
  sql: Sql,
  now: number,
  leaseMs: number,
  limit: number,
): Promise<PendingRetry[]> {
  const rows = await sql<RetryRow[]>`
    update retry set next_attempt_at = ${now + leaseMs}::timestamptz
     where message_id = any(array(
       select message_id from retry where next_attempt_at <= ${now}::timestamptz
        order by next_attempt_at limit ${limit} for update skip locked) || array(
       select message_id from retry where next_attempt_at > ${now + LONGEST_PAUSE_MS}::timestamptz
        order by next_attempt_at limit ${limit} for update skip locked))
    returning message_id, saga_id, message_type, attempts, first_failed_at, topic, partition, "offset", timestamp_ms, key,
              value, headers`;
  // `returning` keeps no order. Sorting by UUIDv7 restores the order in which the messages were written.
  return rows.map(fromRow).toSorted((left, right) => (left.message_id < right.message_id ? -1 : 1));
}

interface RetryRow {
  readonly message_id: string;
  readonly saga_id: string;
  readonly message_type: string;
  readonly attempts: number;
  readonly first_failed_at: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp_ms: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: DeadLetter["original"]["headers"];
}

function fromRow(row: RetryRow): PendingRetry {
  const { topic, partition, offset, key, value } = row;
  const headers = row.headers.map(
    ({ name, value_base64 }) => [name, Buffer.from(value_base64, "base64")] as const,
  );
  return {
    message_id: row.message_id,
    saga_id: row.saga_id,
    message_type: row.message_type,
    attempts: row.attempts,
    firstFailedAt: row.first_failed_at,
    raw: { topic, partition, offset, timestampMs: row.timestamp_ms, key, value, headers },
  };
}

export interface FurtherFailure {
  readonly pending: PendingRetry;
  readonly cause: Cause;
  /** False when a row was locked: that is not a failed attempt. */
  readonly isCounted: boolean;
  readonly failedAt: number;
  readonly nextAttemptAt: number;
}

/** Sets the next attempt and counts this one, if it counts. A message that another claimer has handled since stays as it is. */
export function postpone(tx: Tx, failures: readonly FurtherFailure[]): PromiseLike<unknown> {
  const rows = failures.map(({ pending, cause, isCounted, failedAt, nextAttemptAt }) => ({
    message_id: pending.message_id,
    attempts: pending.attempts,
    counted: isCounted ? 1 : 0,
    failed_at: timestampOf(failedAt),
    next_attempt_at: timestampOf(nextAttemptAt),
    error_code: cause.code,
    error_message: cause.message,
  }));
  return tx`
    with failure as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as failure (
             message_id uuid, attempts integer, counted integer, failed_at timestamptz, next_attempt_at timestamptz,
             error_code text, error_message text))
    update retry
       set attempts = retry.attempts + failure.counted, last_failed_at = failure.failed_at,
           next_attempt_at = failure.next_attempt_at, error_code = failure.error_code, error_message = failure.error_message
      from failure
     where retry.message_id = any(array(select message_id from failure))
       and retry.message_id = failure.message_id and retry.attempts = failure.attempts`;
}

/** Removes messages that had their effect or are dead-lettered. Returns those that were there. */
export function removeRetries(
  tx: Tx,
  messageIds: readonly string[],
): PromiseLike<readonly { readonly message_id: string }[]> {
  return tx<{ message_id: string }[]>`
    delete from retry
     where message_id = any(array(
       select value::uuid from json_array_elements_text(${JSON.stringify(messageIds)}::text::json)))
    returning message_id`;
}
