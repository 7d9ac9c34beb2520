// The audit trail of plans and runs: what was done, and what was refused. Called by plans.ts and runs.ts.
import { objectionToActing } from "../kernel/actor.ts";
import { type OperatorActionKind, recordActions } from "../messaging/operator-action-store.ts";
import { type Operator, PlanRefused } from "./plan.ts";
import type { BulkContext } from "./bulk-context.ts";

type AuditContext = Pick<BulkContext, "saga" | "clock" | "newId">;

export interface RecordedAct {
  readonly action: OperatorActionKind;
  readonly subject: string;
  readonly run_id: string;
  /** Null where none is asked for. */
  readonly reason: string | null;
  readonly outcome: string;
  readonly detail: string | null;
}

/** Stands for a reason where none is asked for. */
const NO_REASON = "none given";

/** Who has resumed a run last, and why. */
export interface Resume {
  readonly actor: string;
  readonly reason: string;
}

/**
 * Why a run acts: the reason of its start, which decided what it acts on, and after a resume also who let it go on. Without the second half, what
 * it does then would stand under a reason from before the pause.
 */
export function reasonNow(ofStart: string, resume: Resume | undefined): string {
  if (resume === undefined) return ofStart;
  const why = resume.reason === NO_REASON ? "" : `: ${resume.reason}`;
  return `${ofStart}; resumed by ${resume.actor}${why}`;
}

/** Adds a line to the audit trail. */
export async function recordAct(
  { clock, newId }: Pick<AuditContext, "clock" | "newId">,
  connection: Parameters<typeof recordActions>[0],
  actor: Operator,
  act: RecordedAct,
): Promise<void> {
  const reason = act.reason === null || act.reason.trim() === "" ? NO_REASON : act.reason;
  await recordActions(connection, [
    {
      ...act,
      reason,
      action_id: newId(),
      saga_id: null,
      actor: actor.name,
      address: actor.address ?? null,
      at: clock.now(),
    },
  ]);
}

/** Throws PlanRefused `not-permitted`, after the attempt is in the audit trail. */
export async function requirePermission(
  context: AuditContext,
  actor: Operator,
  what: Pick<RecordedAct, "action" | "subject" | "run_id"> & { readonly reason?: string | null },
): Promise<void> {
  const objection = objectionToActing(actor);
  if (objection === null) return;
  await recordAct(context, context.saga, actor, {
    reason: null,
    ...what,
    outcome: "refused",
    detail: objection,
  });
  throw new PlanRefused("not-permitted", objection);
}
