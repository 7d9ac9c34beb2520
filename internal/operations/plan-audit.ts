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

/** Adds a line to the audit trail. */
export async function recordAct(
  { clock, newId }: Pick<AuditContext, "clock" | "newId">,
  connection: Parameters<typeof recordActions>[0],
  actor: Operator,
  act: RecordedAct,
): Promise<void> {
  const reason = act.reason === null || act.reason.trim() === "" ? "none given" : act.reason;
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
