// How fast sagas go: their transitions in the last minute, and what the last hour brought. Called by the console's collector. `lastHour` reads
// an hour of sagas and is therefore asked for rarely. Times are epoch ms.
import type { Sql } from "postgres";

/** Transitions of the last minute, by what caused them and where they led. */
export interface Flow {
  readonly message_type: string;
  readonly from_status: string;
  readonly to_status: string;
  /** Where the saga stands afterwards: a step, or the undo of one. */
  readonly step: string;
  readonly count: number;
}

/** At 10,000 orders a minute there are about 60,000 transitions. */
const MAX_TRANSITIONS = 300_000;

/** Reads backwards from the newest, because the history has no index on the time. */
export function flowOfLastMinute(sql: Sql): Promise<Flow[]> {
  return sql<Flow[]>`
    select message_type, from_status, to_status, step, count(*)::integer as count
      from (select message_type, from_status, to_status, step, at from saga_history
             where history_id > (select coalesce(max(history_id), 0) from saga_history) - ${MAX_TRANSITIONS}::bigint) newest
     where at > now() - interval '1 minute'
     group by message_type, from_status, to_status, step`;
}

export interface Minute {
  /** Epoch ms of its start. */
  readonly at: number;
  readonly started: number;
  readonly completed: number;
  readonly compensated: number;
}

export interface LastHour {
  readonly minutes: readonly Minute[];
  /** Milliseconds from the checkout to the end of its saga; null if none ended. */
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly completed: number;
  readonly compensated: number;
}

interface TotalRow {
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly completed: number;
  readonly compensated: number;
}

/** The sagas that were started in the last hour. */
export async function lastHour(sql: Sql): Promise<LastHour> {
  const [minutes, [total]] = await Promise.all([
    sql<Minute[]>`
      select (extract(epoch from date_trunc('minute', created_at)) * 1000)::float8 as at, count(*)::integer as started,
             (count(*) filter (where status = 'COMPLETED'))::integer as completed,
             (count(*) filter (where status = 'COMPENSATED'))::integer as compensated
        from saga_state where created_at > now() - interval '1 hour'
       group by 1 order by 1`,
    sql<[TotalRow]>`
      select percentile_cont(0.5) within group (order by took) as p50_ms, percentile_cont(0.99) within group (order by took) as p99_ms,
             (count(*) filter (where status = 'COMPLETED'))::integer as completed,
             (count(*) filter (where status = 'COMPENSATED'))::integer as compensated
        from (select status, extract(epoch from completed_at - created_at)::float8 * 1000 as took
                from saga_state where created_at > now() - interval '1 hour' and completed_at is not null) ended`,
  ]);
  return { minutes, ...total };
}

/** Open payment alerts by currency, with the amounts of the payments that they are about. */
export interface AlertsAtRisk {
  /** Null for alerts about charges that we have no payment for. */
  readonly currency: string | null;
  readonly count: number;
  readonly amount_cents: number;
  readonly oldest_at: number;
}

/** On the payment database. */
export function alertsAtRisk(sql: Sql): Promise<AlertsAtRisk[]> {
  return sql<AlertsAtRisk[]>`
    select p.currency, count(*)::integer as count, coalesce(sum(p.amount_cents), 0)::float8 as amount_cents,
           (extract(epoch from min(a.opened_at)) * 1000)::float8 as oldest_at
      from payment_alerts a left join payments p using (saga_id)
     where a.closed_at is null group by p.currency order by p.currency`;
}
