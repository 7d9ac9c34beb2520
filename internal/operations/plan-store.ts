// The SQL of plans and their runs, in the saga database. What an executor needs is in run-store.ts. Times are epoch ms, read from the
// database's clock, because several hosts compare them.
import type { Sql, TransactionSql } from "postgres";
import type { BulkKind, ItemOutcome, PlanItem, RunState, Totals } from "./plan.ts";

/** Counts of items by what the run did to them. */
export interface RunCounts extends Readonly<Record<Exclude<ItemOutcome, "in flight">, number>> {
  readonly in_flight: number;
  readonly not_reached: number;
}

/** A plan and its run. */
export interface RunRow {
  readonly plan_id: string;
  readonly kind: BulkKind;
  /** The filter that found the items. */
  readonly selection: Readonly<Record<string, unknown>>;
  readonly totals: Totals;
  readonly state: RunState;
  readonly allows_quarantined: boolean;
  readonly created_by: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly started_by: string | null;
  readonly reason: string | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly rate_per_second: number;
  /** A share from 0 to 1. */
  readonly max_error_rate: number;
  readonly wait_ms: number;
  /** Of the last batch; 0 before the canary. */
  readonly batch_size: number;
  /** Messages since the start or the last resume, after which the run pauses itself as asked; null: it goes on to its end. */
  readonly pause_after: number | null;
  /** Why the run paused itself without being asked. */
  readonly halted_because: string | null;
  /** The process that executes it; null if none does. */
  readonly executor: string | null;
  readonly counts: RunCounts;
  /** Sent messages; more than items when an outbox is published again. */
  readonly units_done: number;
}

type Connection = Sql | TransactionSql;

export async function findRun(sql: Connection, planId: string): Promise<RunRow | undefined> {
  const [row] = await sql<RunRow[]>`
    select ${columns(sql)} from operator_plans p cross join lateral (${done(sql)}) done where plan_id = ${planId}`;
  return row;
}

/** Newest first, `limit` at most, older than `before` (a plan id). Null `state`: any. */
export function findRuns(
  sql: Sql,
  {
    state,
    before,
    limit,
  }: { readonly state: RunState | null; readonly before: string | null; readonly limit: number },
): Promise<RunRow[]> {
  return sql<RunRow[]>`
    select ${columns(sql)}
      from (select * from operator_plans
             where (${before}::uuid is null or plan_id < ${before}::uuid)
               and (${state}::text is null or ${stateOf(sql)} = ${state})
             order by plan_id desc limit ${limit}) p
     cross join lateral (${done(sql)}) done
     order by plan_id desc`;
}

function stateOf(sql: Connection) {
  return sql`case when state = 'draft' and expires_at <= clock_timestamp() then 'expired' else state end`;
}

function columns(sql: Connection) {
  return sql`
    plan_id, kind, selection, totals, ${stateOf(sql)} as state, allows_quarantined, created_by, started_by, reason,
    (extract(epoch from created_at) * 1000)::float8 as created_at,
    (extract(epoch from expires_at) * 1000)::float8 as expires_at,
    (extract(epoch from started_at) * 1000)::float8 as started_at,
    (extract(epoch from ended_at) * 1000)::float8 as ended_at,
    rate_per_second, max_error_rate, wait_ms, batch_size, pause_after, halted_because,
    case when lease_until > clock_timestamp() then executor end as executor,
    counts, units_done`;
}

/** What became of the items of the plan `p`. */
function done(sql: Connection) {
  const count = (outcome: ItemOutcome) => sql`count(*) filter (where outcome = ${outcome})`;
  return sql`
    select jsonb_build_object('sent', ${count("sent")}, 'discarded', ${count("discarded")}, 'skipped', ${count("skipped")},
                              'refused', ${count("refused")}, 'failed', ${count("failed")}, 'in_flight', ${count("in flight")},
                              'not_reached', count(*) filter (where outcome is null)) as counts,
           coalesce(sum(units_done), 0)::float8 as units_done
      from operator_plan_items i where i.plan_id = p.plan_id`;
}

export interface NewPlan {
  readonly plan_id: string;
  readonly kind: BulkKind;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly totals: Totals;
  readonly allows_quarantined: boolean;
  readonly created_by: string;
  readonly expiresMs: number;
  readonly rate_per_second: number;
  readonly max_error_rate: number;
  readonly wait_ms: number;
}

export async function insertPlan(
  tx: TransactionSql,
  plan: NewPlan,
  items: readonly PlanItem[],
): Promise<void> {
  await tx`
    insert into operator_plans (plan_id, kind, selection, totals, state, allows_quarantined, created_by, created_at, expires_at,
           rate_per_second, max_error_rate, wait_ms)
    values (${plan.plan_id}, ${plan.kind}, ${JSON.stringify(plan.selection)}::text::jsonb,
            ${JSON.stringify(plan.totals)}::text::jsonb, 'draft', ${plan.allows_quarantined}, ${plan.created_by}, now(),
            now() + ${plan.expiresMs} * interval '1 ms', ${plan.rate_per_second}, ${plan.max_error_rate}, ${plan.wait_ms})`;
  await tx`
    insert into operator_plan_items (plan_id, position, subject, saga_id, message_id, message_type, service, replays,
           amount_cents, currency, units, planned, why)
    select ${plan.plan_id}, position, subject, saga_id, message_id, message_type, service, replays, amount_cents, currency,
           units, planned, why
      from json_to_recordset(${JSON.stringify(items)}::text::json) as item (
             position integer, subject text, saga_id uuid, message_id uuid, message_type text, service text, replays integer,
             amount_cents bigint, currency text, units bigint, planned text, why text)`;
}

/** An item and what became of it. */
export interface ItemRow extends PlanItem {
  /** Null: not reached. */
  readonly outcome: ItemOutcome | null;
  /** The outcome in full: `handled`, `retry pending`, `dead-lettered`, `not seen`, .. */
  readonly result: string | null;
  readonly detail: string | null;
  readonly units_done: number;
  readonly settled_at: number | null;
}

export interface ItemPage {
  /** Only those with this outcome; `not reached` for those without. Null: all. */
  readonly outcome: ItemOutcome | "not reached" | null;
  /** Only those after this position; -1 from the start. */
  readonly after: number;
  readonly limit: number;
}

/** In the order of execution. */
export function findItems(sql: Sql, planId: string, { outcome, after, limit }: ItemPage): Promise<ItemRow[]> {
  return sql<ItemRow[]>`
    select position, subject, saga_id, message_id, message_type, service, replays, amount_cents::float8, currency,
           units::float8, units_done::float8, planned, why, outcome, result, detail,
           (extract(epoch from settled_at) * 1000)::float8 as settled_at
      from operator_plan_items
     where plan_id = ${planId} and position > ${after}
       and (${outcome}::text is null or coalesce(outcome, 'not reached') = ${outcome})
     order by position limit ${limit}`;
}

/** Items on which a plan acts, of one message of one service. */
export interface PlannedGroup {
  readonly service: string;
  readonly message_type: string;
  readonly count: number;
}

/** Largest first. */
export function plannedGroups(sql: Sql, planId: string): Promise<PlannedGroup[]> {
  return sql<PlannedGroup[]>`
    select service, message_type, count(*)::integer as count from operator_plan_items
     where plan_id = ${planId} and planned in ('send', 'discard')
     group by service, message_type order by count desc, service, message_type`;
}

/** Starts a draft that has not expired. False if it is none by now. */
export async function markStarted(
  tx: TransactionSql,
  planId: string,
  {
    by,
    reason,
    pauseAfter,
  }: { readonly by: string; readonly reason: string; readonly pauseAfter: number | null },
): Promise<boolean> {
  const { count } = await tx`
    update operator_plans set state = 'running', started_by = ${by}, reason = ${reason}, started_at = clock_timestamp(),
           pause_after = ${pauseAfter}
     where plan_id = ${planId} and state = 'draft' and expires_at > clock_timestamp()`;
  return count === 1;
}

/**
 * False if the run is in another state by now. A paused or resumed run tests the ground again: canary first. It counts from 0 again, so that
 * `pauseAfter` of its start no longer holds.
 */
export async function changeState(
  tx: TransactionSql,
  planId: string,
  from: RunState,
  to: "running" | "paused" | "stopped",
  pauseAfter: number | null,
): Promise<boolean> {
  const { count } = await tx`
    update operator_plans
       set state = ${to}, generation = generation + 1, halted_because = null, batch_size = 0, tested_count = 0, failed_count = 0, next_batch_at = null,
           pause_after = ${pauseAfter},
           ended_at = case when ${to} = 'stopped' then clock_timestamp() end
     where plan_id = ${planId} and state = ${from}`;
  return count === 1;
}

/** The next batch comes no later than the new rate allows. False if the run is over by now. */
export async function updateRate(
  tx: TransactionSql,
  planId: string,
  ratePerSecond: number,
): Promise<boolean> {
  const { count } = await tx`
    update operator_plans
       set rate_per_second = ${ratePerSecond},
           next_batch_at = least(next_batch_at, clock_timestamp() + batch_size / ${ratePerSecond}::float8 * interval '1 second')
     where plan_id = ${planId} and state in ('draft', 'running', 'paused')`;
  return count === 1;
}

/** Deletes drafts that expired before `draftsBefore` and runs that ended before `endedBefore` (epoch ms), `most` at most. */
export async function purgePlans(
  tx: TransactionSql,
  {
    draftsBefore,
    endedBefore,
    most,
  }: { readonly draftsBefore: number; readonly endedBefore: number; readonly most: number },
): Promise<void> {
  await tx`
    delete from operator_plans where plan_id = any(array(
      select plan_id from operator_plans
       where (state = 'draft' and expires_at < ${draftsBefore}::timestamptz) or ended_at < ${endedBefore}::timestamptz
       order by plan_id limit ${most} for update skip locked))`;
}

/**
 * How often each message was replayed without success, by message id; those that never were are missing. Attempts of the run
 * `exceptRun` do not count.
 */
export async function failedReplays(
  sql: Sql,
  messageIds: readonly string[],
  exceptRun: string | null = null,
): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ message_id: string; times: number }[]>`
    select message_id, sum(times)::integer as times from operator_actions
     where message_id = any(array(select json_array_elements_text(${JSON.stringify(messageIds)}::text::json))::uuid[])
       and action = 'dead-letter.replay' and (outcome is null or outcome in ('retry pending', 'dead-lettered'))
       and run_id is distinct from ${exceptRun}::uuid
     group by message_id`;
  return new Map(rows.map(({ message_id, times }) => [message_id, times]));
}
