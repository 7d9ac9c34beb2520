// How fast sagas go: their transitions in the last minute, and what the last hour brought. Called by the console's collector. `lastHour` reads
// an hour of sagas and is therefore asked for rarely. Times are epoch ms.
import type { Sql, TransactionSql } from "postgres";

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
const FIRST_PAGE = 2_000;

interface FlowPage {
  readonly flows: readonly Flow[];
  /** Of the oldest row; null if there is none. A bigint in text. */
  readonly last: string | null;
  readonly is_past: boolean;
}

/**
 * The history has no index on the time, so it is read backwards from the newest, in pages that grow, up to one that ends more than a
 * minute ago: about twice what the minute holds.
 */
export async function flowOfLastMinute(sql: Sql | TransactionSql): Promise<readonly Flow[]> {
  const flows = new Map<string, Flow>();
  let before: string | null = null;
  for (let size = FIRST_PAGE, read = 0; read < MAX_TRANSITIONS; read += size, size *= 2) {
    const page: FlowPage = await flowPage(sql, before, size);
    for (const flow of page.flows) {
      const key = [flow.message_type, flow.from_status, flow.to_status, flow.step].join("\n");
      flows.set(key, { ...flow, count: flow.count + (flows.get(key)?.count ?? 0) });
    }
    if (page.last === null || page.is_past) break;
    before = page.last;
  }
  return [...flows.values()];
}

async function flowPage(sql: Sql | TransactionSql, before: string | null, size: number): Promise<FlowPage> {
  const [page] = await sql<[FlowPage]>`
    with page as materialized (
      select history_id, message_type, from_status, to_status, step, at > now() - interval '1 minute' as is_new from saga_history
       where history_id < coalesce(${before}::bigint, 9223372036854775807) order by history_id desc limit ${size}),
    flows as (
      select message_type, from_status, to_status, step, count(*)::integer as count
        from page where is_new group by message_type, from_status, to_status, step),
    oldest as (select history_id, is_new from page order by history_id limit 1)
    select (select coalesce(json_agg(flows), '[]') from flows) as flows, (select history_id::text from oldest) as last,
           coalesce((select not is_new from oldest), true) as is_past`;
  return page;
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
  /** Milliseconds from the checkout to the end of its saga, of those that did not wait for the shopper at the bank; null if none ended. */
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
      select percentile_cont(0.5) within group (order by took) filter (where not waited_for_shopper) as p50_ms,
             percentile_cont(0.99) within group (order by took) filter (where not waited_for_shopper) as p99_ms,
             (count(*) filter (where status = 'COMPLETED'))::integer as completed,
             (count(*) filter (where status = 'COMPENSATED'))::integer as compensated
        from (select status, waited_for_shopper, extract(epoch from completed_at - created_at)::float8 * 1000 as took
                from saga_state where created_at > now() - interval '1 hour' and completed_at is not null) ended`,
  ]);
  return { minutes, ...total };
}

/** Open payment alerts by currency, with the amounts of the payments that they are about, each payment once. */
export interface AlertsAtRisk {
  /** Null for alerts about charges that we have no payment for. */
  readonly currency: string | null;
  readonly count: number;
  readonly amount_cents: number;
  readonly oldest_at: number;
}

/** More open alerts than anybody reads; `moneyAtRisk` says when there are more. */
const MAX_ALERTS = 100_000;

/** On the payment database. */
export function alertsAtRisk(sql: Sql): Promise<AlertsAtRisk[]> {
  return sql<AlertsAtRisk[]>`
    with open as materialized (
      select saga_id, opened_at from payment_alerts where closed_at is null limit ${MAX_ALERTS})
    select p.currency, sum(a.count)::integer as count, coalesce(sum(p.amount_cents), 0)::float8 as amount_cents,
           (extract(epoch from min(a.opened_at)) * 1000)::float8 as oldest_at
      from (select saga_id, count(*) as count, min(opened_at) as opened_at from open group by saga_id) a
      left join payments p using (saga_id)
     group by p.currency order by p.currency`;
}
