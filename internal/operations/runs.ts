// Starts the run of a plan and steers it: pause, resume, stop, rate. These only write to the database: whoever executes the run
// (run-executor.ts) reads it before each batch, so a batch in flight is finished first. Called by checkoutctl and by an operators'
// console. Every act and every refused attempt is in the audit trail, with actor and reason.
import type { TransactionSql } from "postgres";
import {
  describeTotals,
  type Operator,
  pauseAfterFault,
  PlanRefused,
  refusalToStart,
  refusalToSteer,
  type StartRequest,
  type SteeringAct,
} from "./plan.ts";
import { recordAct, type RecordedAct, requirePermission } from "./plan-audit.ts";
import type { BulkContext } from "./bulk-context.ts";
import { itemsOf, planOf, requireRate, type RunView } from "./plans.ts";
import { changeState, markStarted, updateRate } from "./plan-store.ts";
import { progressText } from "./run-progress.ts";
import { settleInterrupted } from "./run-store.ts";

type SteerContext = Pick<BulkContext, "saga" | "clock" | "newId">;

/**
 * Starts the run of a draft. Throws PlanRefused: `not-permitted`, `not-found`, `expired`, `wrong-state` (somebody has started it),
 * `reason-too-short`, `wrong-confirmation` (`typedCount` must be `totals.units` if `needs_typed_count`; for a plan that allows a
 * quarantined message `typedId` must be its id), `invalid` (`pauseAfter`).
 */
export async function startRun(
  context: SteerContext,
  actor: Operator,
  planId: string,
  request: StartRequest,
): Promise<RunView> {
  const { reason, pauseAfter = null } = request;
  const what = { action: "run.start", subject: planId, run_id: planId, reason } as const;
  await requirePermission(context, actor, what);
  const plan = await planOf(context, planId);
  const [only] = plan.allows_quarantined ? await itemsOf(context, planId, { limit: 1 }) : [];
  const refusal = refusalToStart({ ...plan, only_subject: only?.subject ?? null }, request);
  if (refusal !== null) return refuse(context, actor, what, refusal);
  const isStarted = await context.saga.begin(async (tx) => {
    if (!(await markStarted(tx, planId, { by: actor.name, reason, pauseAfter }))) return false;
    const until = pauseAfter === null ? "" : `, pauses after ${pauseAfter}`;
    const detail = `${plan.kind}: ${describeTotals(plan.totals)}, ${plan.rate_per_second}/s${until}`;
    await recordAct(context, tx, actor, { ...what, outcome: "started", detail });
    return true;
  });
  // Somebody else was faster, or the time ran out since it was read.
  const now = await planOf(context, planId);
  if (isStarted) return now;
  const late = refusalToStart({ ...now, only_subject: only?.subject ?? null }, request);
  return refuse(context, actor, what, late ?? new PlanRefused("wrong-state", `the plan is ${now.state}`));
}

/** No batch begins after the one in flight. Throws PlanRefused: `not-permitted`, `not-found`, `wrong-state`. */
export function pauseRun(
  context: SteerContext,
  actor: Operator,
  planId: string,
  reason: string | null = null,
): Promise<RunView> {
  return moveTo(context, actor, planId, { act: "pause", reason });
}

/**
 * Continues where the run was, with one item first, to its end, or until it pauses itself after `pauseAfter` more messages. Throws
 * PlanRefused: `not-permitted`, `not-found`, `wrong-state`, `invalid`.
 */
export function resumeRun(
  context: SteerContext,
  actor: Operator,
  planId: string,
  reason: string | null = null,
  pauseAfter: number | null = null,
): Promise<RunView> {
  return moveTo(context, actor, planId, { act: "resume", reason, pauseAfter });
}

/** For good: what is not reached stays as it is. Throws PlanRefused: `not-permitted`, `not-found`, `wrong-state`. */
export function stopRun(
  context: SteerContext,
  actor: Operator,
  planId: string,
  reason: string | null = null,
): Promise<RunView> {
  return moveTo(context, actor, planId, { act: "stop", reason });
}

/** From the next batch on. Throws PlanRefused: `not-permitted`, `not-found`, `wrong-state`, `invalid`. */
export async function changeRate(
  context: SteerContext,
  actor: Operator,
  planId: string,
  ratePerSecond: number,
  reason: string | null = null,
): Promise<RunView> {
  return steer(context, actor, planId, {
    act: "change the rate of",
    action: "run.rate",
    reason,
    check: () => requireRate(ratePerSecond),
    change: (tx) => updateRate(tx, planId, ratePerSecond),
    outcome: "changed",
    detail: (before) => `from ${before.rate_per_second}/s to ${ratePerSecond}/s`,
  });
}

const STATE_AFTER = { pause: "paused", resume: "running", stop: "stopped" } as const;

function moveTo(
  context: SteerContext,
  actor: Operator,
  planId: string,
  {
    act,
    reason,
    pauseAfter = null,
  }: {
    readonly act: keyof typeof STATE_AFTER;
    readonly reason: string | null;
    readonly pauseAfter?: number | null;
  },
): Promise<RunView> {
  const to = STATE_AFTER[act];
  return steer(context, actor, planId, {
    act,
    action: `run.${act}`,
    reason,
    check: () => {
      const fault = pauseAfterFault(pauseAfter);
      if (fault !== null) throw fault;
    },
    change: async (tx, { state }) => {
      if (!(await changeState(tx, planId, state, to, pauseAfter))) return false;
      if (to === "stopped") await settleInterrupted(tx, planId);
      return true;
    },
    outcome: to,
    detail: (before) =>
      `${progressText(before)}${pauseAfter === null ? "" : `; pauses after ${pauseAfter} more`}`,
  });
}

interface Steering {
  readonly act: SteeringAct;
  readonly action: RecordedAct["action"];
  readonly reason: string | null;
  /** Throws PlanRefused if what is asked for makes no sense. */
  readonly check?: () => void;
  /** False if the run is in another state by now. */
  readonly change: (tx: TransactionSql, before: RunView) => Promise<boolean>;
  /** For the audit trail. */
  readonly outcome: string;
  readonly detail: (before: RunView) => string | null;
}

async function steer(
  context: SteerContext,
  actor: Operator,
  planId: string,
  { act, action, reason, check, change, outcome, detail }: Steering,
): Promise<RunView> {
  const what = { action, subject: planId, run_id: planId, reason };
  await requirePermission(context, actor, what);
  check?.();
  const before = await planOf(context, planId);
  const refusal = refusalToSteer(act, before.state);
  if (refusal !== null) return refuse(context, actor, what, refusal);
  const isDone = await context.saga.begin(async (tx) => {
    if (!(await change(tx, before))) return false;
    await recordAct(context, tx, actor, { ...what, outcome, detail: detail(before) });
    return true;
  });
  const now = await planOf(context, planId);
  if (isDone) return now;
  const late = refusalToSteer(act, now.state) ?? new PlanRefused("wrong-state", `the run is ${now.state}`);
  return refuse(context, actor, what, late);
}

/** Throws the refusal, after the attempt is in the audit trail. */
async function refuse(
  context: SteerContext,
  actor: Operator,
  what: Omit<RecordedAct, "outcome" | "detail">,
  refusal: PlanRefused,
): Promise<never> {
  await recordAct(context, context.saga, actor, { ...what, outcome: "refused", detail: refusal.message });
  throw refusal;
}
