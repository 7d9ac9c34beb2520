// Stores the differences between payments and the provider ledger (payment_alerts), and the webhook events that changed something
// (webhook_events). Called by webhook.ts and reconciliation/. A unique index allows one open alert per kind and subject.
import type { PendingQuery, Sql } from "postgres";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Tx } from "../../messaging/database.ts";
import type { Difference, DifferenceKind } from "./difference.ts";

export interface OpenedAlert {
  readonly alert_id: string;
  readonly kind: DifferenceKind;
  readonly subject: string;
  /** False if it was already open and was only seen again. */
  readonly is_new: boolean;
}

export interface AlertOrigin {
  readonly opened_by: "webhook" | "reconciliation" | "request";
  /** Name of the provider. */
  readonly provider: string;
  /** Epoch ms. */
  readonly now: number;
  readonly newId: () => string;
}

/**
 * Opens an alert per difference, or updates the one that is open. Skips what a person has closed. No two differences may have the
 * same kind and subject.
 */
export function openAlerts(
  tx: Tx,
  differences: readonly Difference[],
  { opened_by, provider, now, newId }: AlertOrigin,
): PromiseLike<OpenedAlert[]> {
  // Sorted, so that two transactions that open the same alerts never deadlock.
  const rows = differences
    .map((difference) => ({ alert_id: newId(), ...difference }))
    .toSorted((one, other) => (alertKey(one) < alertKey(other) ? -1 : 1));
  return tx<OpenedAlert[]>`
    with opened as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as opened (alert_id uuid, kind text, subject text, saga_id uuid, detail text)),
    final as materialized (
      select kind, subject from payment_alerts
       where subject = any(array(select subject from opened)) and closed_by <> 'reconciliation')
    insert into payment_alerts (alert_id, kind, subject, saga_id, detail, provider, opened_by, opened_at, last_seen_at)
    select alert_id, kind, subject, saga_id, detail, ${provider}, ${opened_by}, ${now}::timestamptz, ${now}::timestamptz
      from opened
     where (kind, subject) not in (select kind, subject from final)
        on conflict (kind, subject) where closed_at is null do update
       set detail = excluded.detail, last_seen_at = excluded.last_seen_at
    returning alert_id, kind, subject, (xmax = 0) as is_new`;
}

/** An alert that ended, and why. */
export interface EndedAlert {
  readonly difference: Difference;
  readonly note: string;
}

/**
 * Closes alerts on the provider's word, for good. One that was never opened is saved as closed, so that an older event does not open it.
 * The statements belong into one transaction, in this order.
 */
export function endAlerts(
  tx: Tx,
  ended: readonly EndedAlert[],
  { opened_by, provider, now, newId }: AlertOrigin,
): readonly PromiseLike<unknown>[] {
  const rows = JSON.stringify(
    ended.map(({ difference, note }) => ({ alert_id: newId(), ...difference, note })),
  );
  // The array makes the planner look up the subjects in the index.
  return [
    tx`
      with ended as materialized (${endedRows(tx, rows)})
      update payment_alerts a
         set closed_at = ${now}::timestamptz, closed_by = 'provider', close_note = ended.note, detail = ended.detail
        from ended
       where a.subject = any(array(select subject from ended))
         and a.closed_at is null and a.kind = ended.kind and a.subject = ended.subject`,
    tx`
      with ended as materialized (${endedRows(tx, rows)}),
      known as materialized (
        select kind, subject from payment_alerts where subject = any(array(select subject from ended)))
      insert into payment_alerts
        (alert_id, kind, subject, saga_id, detail, provider, opened_by, opened_at, last_seen_at, closed_at, closed_by, close_note)
      select alert_id, kind, subject, saga_id, detail, ${provider}, ${opened_by}, ${now}::timestamptz, ${now}::timestamptz,
             ${now}::timestamptz, 'provider', note
        from ended where (kind, subject) not in (select kind, subject from known)`,
  ];
}

function endedRows(tx: Tx, rows: string) {
  return tx`
    select * from json_to_recordset(${rows}::text::json)
      as ended (alert_id uuid, kind text, subject text, saga_id uuid, detail text, note text)`;
}

/** Identifies an open alert. */
export function alertKey({ kind, subject }: Pick<Difference, "kind" | "subject">): string {
  return `${kind} ${subject}`;
}

/** Closes the open alerts about `subjects` that are no longer among `differences`. */
export function closeAlerts(
  tx: Tx,
  subjects: readonly string[],
  differences: readonly Difference[],
  note: string,
  now: number,
): PromiseLike<{ alert_id: string; kind: DifferenceKind; subject: string }[]> {
  const still = differences.map(({ kind, subject }) => ({ kind, subject }));
  return tx<{ alert_id: string; kind: DifferenceKind; subject: string }[]>`
    update payment_alerts a
       set closed_at = ${now}::timestamptz, closed_by = 'reconciliation', close_note = ${note}
     where closed_at is null and subject = any(${[...subjects]}::text[])
       and not exists (
             select from json_to_recordset(${JSON.stringify(still)}::text::json) as still (kind text, subject text)
              where still.kind = a.kind and still.subject = a.subject)
    returning alert_id, kind, subject`;
}

/** Records that an open alert was looked at and stays as it is. */
export function sawAlert(tx: Tx, { kind, subject }: OpenAlert, now: number): PromiseLike<unknown> {
  return tx`
    update payment_alerts set last_seen_at = ${now}::timestamptz
     where closed_at is null and kind = ${kind} and subject = ${subject}`;
}

export interface OpenAlert {
  readonly kind: DifferenceKind;
  readonly subject: string;
}

/** Open alerts that were not seen since `before` (epoch ms), the longest unseen first. */
export function unseenAlerts(
  sql: Sql,
  provider: string,
  before: number,
  limit: number,
): PromiseLike<OpenAlert[]> {
  return sql<OpenAlert[]>`
    select kind, subject from payment_alerts
     where closed_at is null and last_seen_at < ${before}::timestamptz and provider = ${provider}
     order by last_seen_at limit ${limit}`;
}

export function countOpenAlerts(sql: Sql): PromiseLike<{ kind: DifferenceKind; count: number }[]> {
  return sql<{ kind: DifferenceKind; count: number }[]>`
    select kind, count(*) as count from payment_alerts where closed_at is null group by kind`;
}

/** Returns the events that have already changed something. */
export function knownEvents(tx: Tx, events: readonly string[]): PendingQuery<{ event_id: string }[]> {
  return tx<{ event_id: string }[]>`
    select event_id from webhook_events where event_id = any(${[...events]}::text[])`;
}

export function rememberEvents(tx: Tx, events: readonly string[], now: number): PromiseLike<unknown> {
  // The same event may come twice at once. Without a payment there is no row lock that makes one wait for the other. Sorted, so that
  // both wait for keys in the same order.
  return tx`
    insert into webhook_events (event_id, received_at)
    select event_id, ${now}::timestamptz from unnest(${events.toSorted()}::text[]) as event_id
        on conflict do nothing`;
}

/** Deletes events received before `before` (epoch ms), at most `limit` at a time. */
export function forgetEvents(sql: Sql, before: number, limit: number): PromiseLike<unknown> {
  return sql`
    delete from webhook_events
     where event_id = any(array(
             select event_id from webhook_events where received_at < ${timestampOf(before)} order by received_at limit ${limit}))`;
}
