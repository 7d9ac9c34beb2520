// `checkoutctl dlq discard`: a plan and its run in one command. Discards dead letters for good.
import { PLAN_DEFAULTS } from "../../../internal/operations/plan-defaults.ts";
import { allItemsOf, createPlan, type PlanRequest, previewPlan } from "../../../internal/operations/plans.ts";
import { followRun, plannedItems, reportOf } from "../../../internal/operations/run-report.ts";
import { startRun } from "../../../internal/operations/runs.ts";
import { bulkContext, foregroundExecutor, operatorOf, requireReason, startRequest } from "../bulk.ts";
import { print, whenInterrupted } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";
import { planUnlessDone } from "./dlq-replay.ts";
import { filterToHandle, handlingCommand, itemTable } from "./dlq-selection.ts";

export const discardCommand = handlingCommand("discard", "discard dead letters for good").action(
  async (given, options) => {
    const filter = filterToHandle(options, given ?? []);
    const { dryRun = false, everything } = options;
    await using connections = new Connections(loadSettings(options.stack));
    const context = bulkContext(connections, await connections.database("saga"));
    const kind = "dead-letter.discard";
    const request: PlanRequest = { kind, filter, everything, ...PLAN_DEFAULTS[kind] };
    if (dryRun) {
      const items = plannedItems((await previewPlan(context, request)).items);
      return print(options, { dry_run: true, items }, () => asText(items, "would discard"));
    }
    requireReason(options.reason);
    const actor = await operatorOf(connections);
    const plan = await planUnlessDone(() => createPlan(context, actor, request));
    if (plan === null)
      return print(options, { dry_run: false, items: [] }, () => "no dead letter that matches is open");
    await startRun(context, actor, plan.plan_id, await startRequest(plan, options));
    await using executor = foregroundExecutor(connections, context, plan.plan_id);
    using interrupted = whenInterrupted();
    const { signal } = interrupted;
    const ended = await followRun({
      saga: context.saga,
      planId: plan.plan_id,
      executor,
      signal,
      onChange: () => undefined,
    });
    const { run_id, items } = reportOf(ended, await allItemsOf(context, plan.plan_id));
    print(options, { dry_run: false, run_id, items }, () => asText(items, "discarded"));
    if (ended.state !== "done") process.exitCode = EXIT.interrupted;
  },
);

function asText(items: Parameters<typeof itemTable>[0], verb: string): string {
  const count = items.filter(({ outcome }) => outcome === "discarded").length;
  return [itemTable(items), `${verb} ${count} of ${items.length}`].join("\n\n");
}
