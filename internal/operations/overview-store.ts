// The queries of overview.ts. Each runs once a second while somebody looks, so each reads an index of what is open or new, with a
// limit, and never a whole table. Times are epoch ms.
import type { Sql } from "postgres";
import type { MoneyAtRisk, OutboxDepth, SagaFlow, WaitingMails } from "../../schemas/overview.ts";
import { measureBacklog } from "../messaging/relay-store.ts";

/** Counts are exact up to this number of rows. */
const MAX_COUNTED = 100_000;
/** A checkout that ends now has usually started within this time. */
const RECENT_SECONDS = 300;
const WINDOW_SECONDS = 60;
/** Newest checkouts that the window is computed from: a minute of 20,000. */
const MAX_RECENT = 20_000;

export async function sagaFlow(sql: Sql): Promise<SagaFlow> {
  const [open, recent, cancellations] = await Promise.all([
    openSagas(sql),
    recentSagas(sql),
    needyCancellations(sql),
  ]);
  const { p50, p99, ...window } = recent;
  return {
    in_progress: open.places.map(({ status, step, count, oldest_at }) => ({
      status,
      step,
      count,
      oldest_at,
    })),
    needing_operator: open.places.reduce((sum, { needy }) => sum + needy, 0),
    cancellations_needing_operator: cancellations.reduce((sum, { count }) => sum + count, 0),
    charged_undo_stuck: open.stuck,
    refund_of_cancelled_stuck: cancellations
      .filter(({ is_charged }) => is_charged)
      .map(({ currency, count, amount_cents, oldest_at }) => ({ currency, count, amount_cents, oldest_at })),
    ...window,
    took_ms: p50 === null || p99 === null ? null : { p50, p99 },
  };
}

interface OpenSagas {
  readonly places: readonly (SagaFlow["in_progress"][number] & { readonly needy: number })[];
  readonly stuck: NonNullable<SagaFlow["charged_undo_stuck"]>;
}

/**
 * Money is stuck where it was taken and is not given back yet, and the undo in progress had to be sent again or needs an operator. The undo
 * of the reservation comes after that of the payment.
 */
async function openSagas(sql: Sql): Promise<OpenSagas> {
  const [open] = await sql<[OpenSagas]>`
    with open as materialized (
      select status, coalesce(compensation_step, current_step) as step, needs_operator, created_at, currency, total_cents,
             (payment_succeeded and compensation_step in ('order', 'charge', 'authorize') and (needs_operator or resend_count > 0)) as is_stuck
        from saga_state where completed_at is null limit ${MAX_COUNTED}),
    places as (
      select status, step, count(*)::integer as count, (count(*) filter (where needs_operator))::integer as needy,
             (extract(epoch from min(created_at)) * 1000)::float8 as oldest_at
        from open group by status, step),
    stuck as (
      select currency, count(*)::integer as count, (count(*) filter (where needs_operator))::integer as needing_operator,
             coalesce(sum(total_cents), 0)::bigint as amount_cents, (extract(epoch from min(created_at)) * 1000)::float8 as oldest_at
        from open where is_stuck group by currency)
    select (select coalesce(json_agg(places order by status, step), '[]') from places) as places,
           (select coalesce(json_agg(stuck order by currency), '[]') from stuck) as stuck`;
  return open;
}

interface NeedyCancellations {
  readonly is_charged: boolean;
  readonly currency: string | null;
  readonly count: number;
  readonly amount_cents: number;
  readonly oldest_at: number;
}

/** Of completed checkouts: all are charged until their refund has been made, which comes before the release. */
function needyCancellations(sql: Sql): Promise<NeedyCancellations[]> {
  return sql<NeedyCancellations[]>`
    with needy as materialized (
      select saga_id, step <> 'release' as is_charged, created_at
        from order_cancellations where completed_at is null and needs_operator limit ${MAX_COUNTED})
    select is_charged, s.currency, count(*)::integer as count, coalesce(sum(s.total_cents), 0)::float8 as amount_cents,
           (extract(epoch from min(needy.created_at)) * 1000)::float8 as oldest_at
      from needy
      left join lateral (select currency, total_cents from saga_state where saga_state.saga_id = needy.saga_id limit 1) s on true
     group by is_charged, s.currency order by is_charged, s.currency`;
}

interface RecentSagas extends Pick<SagaFlow, "window_seconds" | "started" | "ended"> {
  readonly p50: number | null;
  readonly p99: number | null;
}

/** A saga that took longer than RECENT_SECONDS is not counted when it ends. */
async function recentSagas(sql: Sql): Promise<RecentSagas> {
  const [row] = await sql<[RecentSagas]>`
    with recent as materialized (
      select status, failure_code, waited_for_shopper, created_at, completed_at from saga_state
       where created_at >= now() - make_interval(secs => ${RECENT_SECONDS})
       order by created_at desc limit ${MAX_RECENT}),
    covered as materialized (
      select case when count(*) < ${MAX_RECENT} then ${WINDOW_SECONDS}::float8
                  else least(${WINDOW_SECONDS}::float8, greatest(1, extract(epoch from now() - min(created_at))::float8)) end as seconds
        from recent),
    ended as materialized (
      select recent.* from recent, covered
       where completed_at >= now() - make_interval(secs => covered.seconds)),
    outcomes as (
      select status, failure_code, count(*)::integer as count from ended group by status, failure_code)
    select covered.seconds as window_seconds,
           (select count(*)::integer from recent where created_at >= now() - make_interval(secs => covered.seconds)) as started,
           (select coalesce(json_agg(outcomes order by count desc, status), '[]') from outcomes) as ended,
           took.*
      from covered,
           (select percentile_cont(0.5) within group (order by ms)::float8 as p50,
                   percentile_cont(0.99) within group (order by ms)::float8 as p99
              from (select extract(epoch from completed_at - created_at) * 1000 as ms
                      from ended where not waited_for_shopper) durations) took`;
  return row;
}

export async function outboxDepth(sql: Sql): Promise<OutboxDepth> {
  const [backlog, [retry]] = await Promise.all([
    measureBacklog(sql, MAX_COUNTED),
    sql<[{ count: number }]>`
      select count(*)::integer as count from (select from retry limit ${MAX_COUNTED}) waiting`,
  ]);
  return {
    unpublished: backlog.unpublished,
    oldest_at: backlog.oldestCreatedAt,
    retries: retry.count,
  };
}

/** `most`: at most this many payments, refunds and alerts are counted. `at_least` says that there may be more. */
export async function moneyAtRisk(sql: Sql, most = MAX_COUNTED): Promise<MoneyAtRisk> {
  const [payments, refunds_pending, alerts] = await Promise.all([
    sql<MoneyAtRisk["payments"]>`
      with open as materialized (
        (select status, currency, amount_cents, created_at from payments where status in ('PENDING', 'UNKNOWN') limit ${most})
         union all
        (select status, currency, amount_cents, created_at from payments
          where status in ('AUTHORIZED', 'CAPTURE_PENDING', 'VOID_PENDING') limit ${most}))
      select status, currency, count(*)::integer as count, sum(amount_cents)::bigint as amount_cents,
             (extract(epoch from min(created_at)) * 1000)::float8 as oldest_at
        from open group by status, currency order by status, currency`,
    sql<MoneyAtRisk["refunds_pending"]>`
      with open as materialized (
        select payment_id, amount_cents, created_at from refunds where status = 'PENDING' limit ${most})
      select p.currency, count(*)::integer as count, sum(r.amount_cents)::bigint as amount_cents,
             (extract(epoch from min(r.created_at)) * 1000)::float8 as oldest_at
        from open r join payments p using (payment_id) group by p.currency order by p.currency`,
    sql<MoneyAtRisk["alerts"]>`
      with open as materialized (select kind, opened_at from payment_alerts where closed_at is null limit ${most})
      select kind, count(*)::integer as count, (extract(epoch from min(opened_at)) * 1000)::float8 as oldest_at
        from open group by kind order by kind`,
  ]);
  const at_least = [payments, refunds_pending, alerts].some(
    (counted: readonly { readonly count: number }[]) =>
      counted.reduce((sum, { count }) => sum + count, 0) >= most,
  );
  return { payments: [...payments], refunds_pending: [...refunds_pending], alerts: [...alerts], at_least };
}

export async function waitingMails(sql: Sql): Promise<WaitingMails> {
  const [row] = await sql<[WaitingMails]>`
    select (select count(*)::integer from (select from waiting_mails limit ${MAX_COUNTED}) waiting) as waiting,
           (select (extract(epoch from stored_at) * 1000)::float8 from waiting_mails order by stored_at limit 1) as oldest_at`;
  return row;
}
