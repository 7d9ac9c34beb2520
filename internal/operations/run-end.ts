// The line of the audit trail at the end of a run: whether it is done, was stopped or has paused itself, and what became of its items. Called by
// run-executor.ts.
import type { TransactionSql } from "postgres";
import type { BulkContext } from "./bulk-context.ts";
import { recordAct } from "./plan-audit.ts";
import { findRun } from "./plan-store.ts";
import { progressText } from "./run-progress.ts";
import type { LeasedRun } from "./run-store.ts";
import type { RunEnd } from "./run-verdict.ts";

/** In the name of who has started the run. `why`: what has halted it, or after how many messages it was asked to pause. */
export async function recordEnd(
  context: Pick<BulkContext, "clock" | "newId">,
  tx: TransactionSql,
  { plan_id, started_by, reason }: Pick<LeasedRun, "plan_id" | "started_by" | "reason">,
  { end, why }: { readonly end: RunEnd; readonly why: string | null },
): Promise<void> {
  const run = await findRun(tx, plan_id);
  if (run === undefined) return;
  const detail = why === null ? progressText(run) : `${why}; ${progressText(run)}`;
  const act = { action: "run.end", subject: plan_id, run_id: plan_id, reason, outcome: end, detail } as const;
  await recordAct(context, tx, { name: started_by, role: "operator" }, act);
}
