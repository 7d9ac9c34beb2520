// Follows a run to its end, and sums it up. Called by checkoutctl.
import type { Sql } from "postgres";
import { pause } from "../messaging/pause.ts";
import { failsTooOften } from "./ramp.ts";
import type { PlanItem } from "./plan.ts";
import type { ItemRow } from "./plan-store.ts";
import { planOf, type RunView } from "./plans.ts";
import type { RunExecutor } from "./run-executor.ts";

const POLL_MS = 250;

export interface FollowOptions {
  readonly saga: Sql;
  readonly planId: string;
  /** Executes the run meanwhile; null only watches. */
  readonly executor: RunExecutor | null;
  /** Ends the following after the batch in flight. */
  readonly signal: AbortSignal;
  /** Called with each change. */
  readonly onChange?: ((run: RunView) => void) | undefined;
}

/** Returns when the run is paused, stopped or done, or the signal aborts. Throws AppError if a server does not answer. */
export async function followRun({
  saga,
  planId,
  executor,
  signal,
  onChange,
}: FollowOptions): Promise<RunView> {
  let last = "";
  for (;;) {
    const result = signal.aborted ? undefined : await executor?.runOnce();
    const run = await planOf({ saga }, planId);
    const now = JSON.stringify([run.state, run.counts, run.units_done, run.rate_per_second]);
    if (now !== last) onChange?.(run);
    last = now;
    if (signal.aborted || (run.state !== "running" && run.counts.in_flight === 0)) return run;
    if (result?.hasMore !== true) await pause(POLL_MS, signal);
  }
}

export interface ReportItem {
  readonly dead_letter_id: string;
  readonly saga_id: string | null;
  readonly type: string;
  readonly outcome: string;
  readonly detail: string | null;
}

export interface RunReport {
  readonly run_id: string;
  readonly sent: number;
  readonly failed: number;
  /** Not reached. */
  readonly left: number;
  /** Null if the run completed. */
  readonly stopped: "error rate" | "interrupted" | null;
  /** What was reached. */
  readonly items: readonly ReportItem[];
}

/** The result of `dlq replay`, which is a plan and its run in one command. */
export function reportOf(run: RunView, items: readonly ItemRow[]): RunReport {
  const sent = run.units_done;
  const { failed, not_reached: left } = run.counts;
  const isOver = run.state === "done" || run.state === "paused";
  const hasFailed = run.halted_because !== null || failsTooOften(sent, failed, run.max_error_rate);
  return {
    run_id: run.plan_id,
    sent,
    failed,
    left,
    stopped: isOver && hasFailed ? "error rate" : run.state === "done" ? null : "interrupted",
    items: items.flatMap((item) =>
      item.outcome === null
        ? []
        : [
            {
              dead_letter_id: item.subject,
              saga_id: item.saga_id,
              type: item.message_type,
              outcome: item.result ?? item.outcome,
              detail: item.detail,
            },
          ],
    ),
  };
}

/** What a dry run prints: the plan's decision on each item. */
export function plannedItems(items: readonly PlanItem[]): readonly ReportItem[] {
  return items.map(({ subject, saga_id, message_type, planned, why }) => ({
    dead_letter_id: subject,
    saga_id,
    type: message_type,
    outcome: PLANNED[planned],
    detail: why,
  }));
}

const PLANNED = { send: "send", discard: "discarded", skip: "left", refuse: "refused" } as const;
