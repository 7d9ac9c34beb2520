// The SQL of executing a run, in the saga database: the lease of its executor, the items in flight, and what a batch leaves behind.
// All times are compared by the database's clock.
import type { Sql, TransactionSql } from "postgres";
import type { Resume } from "./plan-audit.ts";
import type { BulkKind, ItemOutcome, Planned, RunState } from "./plan.ts";
import type { Clocks } from "./replay-send.ts";
import { REPUBLISHED } from "./run-progress.ts";

/** What operators want of a run now. */
export interface Steered {
  readonly state: RunState;
  /** Raised with each pause, resume and stop. */
  readonly generation: number;
}

/** A run whose lease this executor holds. */
export interface LeasedRun extends Steered {
  readonly plan_id: string;
  readonly kind: BulkKind;
  readonly started_by: string;
  /** Of the start; the executor adds who has resumed it. */
  readonly reason: string;
  readonly allows_quarantined: boolean;
  readonly rate_per_second: number;
  readonly max_error_rate: number;
  readonly wait_ms: number;
  readonly batch_size: number;
  /** As `RunRow.pause_after`. */
  readonly pause_after: number | null;
  /** Sent or discarded since the start or the last resume. */
  readonly tested_count: number;
  readonly failed_count: number;
  readonly batch_clocks: Clocks | null;
  readonly selection: Readonly<Record<string, unknown>>;
  /** Until the next batch may begin, in ms; 0 or less: now. */
  readonly due_in_ms: number;
}

/**
 * Takes or renews the lease of the run that is due first: of `planId` only, or of any run if it is null. Also of one that was paused or
 * stopped while its executor died with items in flight. Undefined if there is none, or another executor has it.
 */
export async function takeRun(
  sql: Sql,
  {
    executor,
    leaseMs,
    planId,
  }: { readonly executor: string; readonly leaseMs: number; readonly planId: string | null },
): Promise<LeasedRun | undefined> {
  const [run] = await sql<LeasedRun[]>`
    update operator_plans
       set executor = ${executor}, lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
     where plan_id = (
       select plan_id from operator_plans
        where (state = 'running' or executor is not null)
          and (executor is null or executor = ${executor} or lease_until <= clock_timestamp())
          and (${planId}::uuid is null or plan_id = ${planId}::uuid)
        order by next_batch_at nulls first, plan_id limit 1 for update skip locked)
    returning plan_id, kind, state, generation, started_by, reason, allows_quarantined, rate_per_second, max_error_rate, wait_ms, batch_size,
              pause_after, tested_count, failed_count, batch_clocks, selection,
              coalesce((extract(epoch from next_batch_at - clock_timestamp()) * 1000)::float8, 0) as due_in_ms`;
  return run;
}

/**
 * The last resume of a run, by the audit trail; undefined if nobody has resumed it. Read backwards along the index on the time, to an hour
 * before the start at most: the lines have the clock of who wrote them.
 */
export async function lastResume(sql: Sql, planId: string): Promise<Resume | undefined> {
  const [resume] = await sql<Resume[]>`
    select actor, reason from operator_actions
     where at >= (select started_at - interval '1 hour' from operator_plans where plan_id = ${planId})
       and run_id = ${planId} and action = 'run.resume' and outcome = 'running'
     order by at desc, action_id desc limit 1`;
  return resume;
}

/** False if the lease has ended, or another executor has taken over: a lease that has ended is not revived. */
export async function renewLease(
  sql: Sql,
  {
    executor,
    leaseMs,
    planId,
  }: { readonly executor: string; readonly leaseMs: number; readonly planId: string },
): Promise<boolean> {
  const { count } = await sql`
    update operator_plans set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
     where plan_id = ${planId} and executor = ${executor} and lease_until > clock_timestamp()`;
  return count === 1;
}

/** Puts the run behind all others for this time. The lease stays. */
export async function postponeRun(
  sql: Sql,
  { executor, planId, ms }: { readonly executor: string; readonly planId: string; readonly ms: number },
): Promise<void> {
  await sql`
    update operator_plans set next_batch_at = clock_timestamp() + ${ms} * interval '1 ms'
     where plan_id = ${planId} and executor = ${executor}`;
}

/** Pauses a run that cannot go on without a person. False if it is not running any more, or has items in flight. */
export async function haltRun(
  tx: TransactionSql,
  { executor, planId, why }: { readonly executor: string; readonly planId: string; readonly why: string },
): Promise<boolean> {
  const { count } = await tx`
    update operator_plans set state = 'paused', halted_because = ${why}, executor = null, lease_until = null
     where plan_id = ${planId} and executor = ${executor} and state = 'running'
       and not exists (select from operator_plan_items i
                        where i.plan_id = operator_plans.plan_id and i.outcome = 'in flight')`;
  return count === 1;
}

/** Lets another executor continue at once. A run with items in flight keeps the name of its executor, so that somebody settles them. */
export async function releaseRuns(sql: Sql, executor: string, planId: string | null = null): Promise<void> {
  await sql`
    update operator_plans p
       set executor = case when has_items_in_flight then executor end,
           lease_until = case when has_items_in_flight then least(lease_until, clock_timestamp()) end
      from (select plan_id, exists (select from operator_plan_items i
                                     where i.plan_id = o.plan_id and i.outcome = 'in flight') as has_items_in_flight
              from operator_plans o where executor = ${executor} and (${planId}::uuid is null or plan_id = ${planId}::uuid)) own
     where p.plan_id = own.plan_id and executor = ${executor}`;
}

/** An item to execute. */
export interface RunItem {
  readonly position: number;
  readonly subject: string;
  readonly saga_id: string | null;
  readonly message_id: string | null;
  readonly planned: Planned;
  readonly why: string | null;
  readonly outcome: ItemOutcome | null;
  readonly action_id: string | null;
  /** As the outbox has it (`SentMessage`); null if retention had deleted the message. */
  readonly written_at: string | null;
  /** Of an outbox that is published again: how many messages, and up to which. */
  readonly units_done: number;
  readonly cursor: string | null;
}

/** The next items in order, `limit` at most. */
export function nextItems(sql: Sql, planId: string, limit: number): Promise<RunItem[]> {
  return sql<RunItem[]>`
    select ${itemColumns(sql)} from operator_plan_items
     where plan_id = ${planId} and outcome is null order by position limit ${limit}`;
}

/** What an executor that died has left. */
export function itemsInFlight(sql: Sql, planId: string): Promise<RunItem[]> {
  return sql<RunItem[]>`
    select ${itemColumns(sql)} from operator_plan_items
     where plan_id = ${planId} and outcome = 'in flight' order by position`;
}

function itemColumns(sql: Sql) {
  return sql`
    position, subject, saga_id, message_id, planned, why, outcome, action_id, units_done::float8, cursor,
    to_char(written_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as written_at`;
}

/** Locks the run. Undefined if this executor has lost the lease. */
export async function lockRun(
  tx: TransactionSql,
  planId: string,
  executor: string,
): Promise<Steered | undefined> {
  const [row] = await tx<Steered[]>`
    select state, generation from operator_plans
     where plan_id = ${planId} and executor = ${executor} and lease_until > clock_timestamp() for update`;
  return row;
}

/** Whether a batch that was chosen for `run` may begin. After a pause and a resume its size is no longer right. */
export function mayBegin(run: Steered, now: Steered | undefined): boolean {
  return now?.state === "running" && now.generation === run.generation;
}

export async function setClocks(tx: TransactionSql, planId: string, clocks: Clocks): Promise<void> {
  await tx`
    update operator_plans set batch_clocks = ${JSON.stringify(clocks)}::text::jsonb where plan_id = ${planId}`;
}

export interface ItemUpdate {
  readonly position: number;
  /** Null: not reached after all. */
  readonly outcome: ItemOutcome | null;
  readonly result: string | null;
  readonly detail: string | null;
  readonly action_id: string | null;
  readonly written_at: string | null;
  /** Messages sent or discarded for it, whatever became of them. */
  readonly units_done: number;
}

/** Of an item on which the run does not act, and why. */
export function leftAlone(position: number, detail: string | null): ItemUpdate {
  const nothing = { action_id: null, written_at: null, units_done: 0 };
  return { position, outcome: "skipped", result: "left", detail, ...nothing };
}

/** What is settled stays as it is. */
export async function updateItems(
  tx: TransactionSql,
  planId: string,
  updates: readonly ItemUpdate[],
): Promise<void> {
  if (updates.length === 0) return;
  await tx`
    update operator_plan_items i
       set outcome = u.outcome, result = u.result, detail = u.detail, action_id = u.action_id, written_at = u.written_at,
           units_done = u.units_done,
           settled_at = case when u.outcome <> 'in flight' then clock_timestamp() end
      from json_to_recordset(${JSON.stringify(updates)}::text::json) as u (
             position integer, outcome text, result text, detail text, action_id uuid, written_at timestamptz, units_done bigint)
     where i.plan_id = ${planId} and i.position = u.position and (i.outcome is null or i.outcome = 'in flight')`;
}

/**
 * Which of these replays, begun by an earlier run without a known outcome, another run is sending now, or has ended meanwhile. What an
 * executor that died has left in flight in another run counts as not seen there. Locks their lines, so that none is sent again and
 * discarded at the same moment.
 */
export async function sentElsewhere(
  tx: TransactionSql,
  planId: string,
  actionIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (actionIds.length === 0) return new Set();
  const open = await tx<{ action_id: string }[]>`
    select action_id from operator_actions
     where action_id = any(${[...actionIds]}::uuid[]) and outcome is null order by action_id for update`;
  const stillOpen = new Set(open.map(({ action_id }) => action_id));
  await tx`
    update operator_plan_items i
       set outcome = 'failed', result = 'not seen', detail = 'its executor stopped, and another run has taken it over',
           settled_at = clock_timestamp()
      from operator_plans p
     where p.plan_id = i.plan_id and i.plan_id <> ${planId} and i.outcome = 'in flight'
       and i.action_id = any(${[...actionIds]}::uuid[]) and (p.lease_until is null or p.lease_until <= clock_timestamp())`;
  const rows = await tx<{ action_id: string }[]>`
    select action_id from operator_plan_items
     where outcome = 'in flight' and plan_id <> ${planId} and action_id = any(${[...actionIds]}::uuid[])`;
  return new Set([
    ...rows.map(({ action_id }) => action_id),
    ...actionIds.filter((action_id) => !stillOpen.has(action_id)),
  ]);
}

/** Counts one more attempt of these replays. */
export async function countAttempt(tx: TransactionSql, actionIds: readonly string[]): Promise<void> {
  if (actionIds.length === 0) return;
  await tx`update operator_actions set times = times + 1 where action_id = any(${[...actionIds]}::uuid[])`;
}

/** Takes back the attempt of replays that were claimed and not sent. */
export async function uncountAttempt(tx: TransactionSql, actionIds: readonly string[]): Promise<void> {
  if (actionIds.length === 0) return;
  await tx`
    update operator_actions set times = greatest(1, times - 1) where action_id = any(${[...actionIds]}::uuid[])`;
}

/** What a batch did. */
export interface BatchOutcome {
  /** Messages sent or discarded, whatever became of them. */
  readonly acted: number;
  readonly failed: number;
  /** Writes the outcomes of the items. Called under the lease. */
  readonly save: (tx: TransactionSql) => Promise<void>;
}

export interface AfterBatch {
  readonly state: RunState;
  readonly batch_size: number;
  readonly tested_count: number;
  readonly failed_count: number;
  readonly halted_because: string | null;
  readonly pauseMs: number;
}

/** A run that is no longer running needs no executor. */
export async function saveBatch(tx: TransactionSql, planId: string, after: AfterBatch): Promise<void> {
  await tx`
    update operator_plans
       set state = ${after.state}, batch_size = ${after.batch_size}, tested_count = ${after.tested_count},
           failed_count = ${after.failed_count}, halted_because = ${after.halted_because}, batch_clocks = null,
           next_batch_at = clock_timestamp() + ${after.pauseMs} * interval '1 ms',
           ended_at = case when ${after.state} = 'done' then clock_timestamp() else ended_at end,
           executor = case when ${after.state} = 'running' then executor end,
           lease_until = case when ${after.state} = 'running' then lease_until end
     where plan_id = ${planId}`;
}

export async function isFinished(tx: TransactionSql, planId: string): Promise<boolean> {
  const [row] = await tx<{ found: boolean }[]>`
    select exists (select from operator_plan_items where plan_id = ${planId} and outcome is null) as found`;
  return row?.found !== true;
}

/** How far the item is executed: an outbox is published again in parts. `isDone`: nothing is left of it. */
export async function saveProgress(
  tx: TransactionSql,
  planId: string,
  {
    position,
    count,
    cursor,
    isDone,
  }: {
    readonly position: number;
    readonly count: number;
    readonly cursor: string | null;
    readonly isDone: boolean;
  },
): Promise<void> {
  await tx`
    update operator_plan_items
       set units_done = units_done + ${count}, cursor = ${cursor}::uuid,
           outcome = case when ${isDone} then 'sent' end, result = case when ${isDone} then ${REPUBLISHED} end,
           detail = case when ${isDone} and units_done + ${count} < units
                         then units_done + ${count} || ' counted: an executor died before it counted the rest, it was discarded since the plan, or it is a mail that is too old by now' end,
           settled_at = case when ${isDone} then clock_timestamp() end
     where plan_id = ${planId} and position = ${position}`;
}

/** The line of the audit trail that belongs to the item. */
export async function setAction(
  tx: TransactionSql,
  planId: string,
  position: number,
  actionId: string,
): Promise<void> {
  await tx`
    update operator_plan_items set action_id = ${actionId} where plan_id = ${planId} and position = ${position}`;
}

/** A run that is stopped leaves no line of the audit trail open, except those of messages whose outcome is not known. */
export async function settleInterrupted(tx: TransactionSql, planId: string): Promise<void> {
  await tx`
    update operator_actions a
       set outcome = 'interrupted', detail = i.units_done || ' of ' || i.units || ' events, ' || a.detail, settled_at = now()
      from operator_plan_items i
     where i.plan_id = ${planId} and i.action_id = a.action_id and a.outcome is null and a.action = 'outbox.republish'`;
}
