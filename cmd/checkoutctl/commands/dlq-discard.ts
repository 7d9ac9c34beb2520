// `checkoutctl dlq discard`: a plan and its run in one command. Discards dead letters for good.
import { PLAN_DEFAULTS } from "../../../internal/operations/plan-defaults.ts";
import { createPlan, type PlanRequest, previewPlan } from "../../../internal/operations/plans.ts";
import { plannedItems, reportOf } from "../../../internal/operations/run-report.ts";
import { bulkContext, planAndFollow } from "../bulk.ts";
import { print } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";
import { filterToHandle, handlingCommand, itemTable } from "./dlq-selection.ts";

export const discardCommand = handlingCommand("discard", "discard dead letters for good").action(
  async (given, options) => {
    const filter = filterToHandle(options, given ?? []);
    const { dryRun = false, everything } = options;
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const kind = "dead-letter.discard";
    const request: PlanRequest = { kind, filter, everything, ...PLAN_DEFAULTS[kind] };
    if (dryRun) {
      const items = plannedItems((await previewPlan(context, request)).items);
      return print(options, { dry_run: true, items }, () => asText(items, "would discard"));
    }
    const followed = await planAndFollow(
      connections,
      context,
      (actor) => createPlan(context, actor, request),
      options,
    );
    if (followed === null)
      return print(options, { dry_run: false, items: [] }, () => "no dead letter that matches is open");
    const { run_id, items } = reportOf(followed.run, followed.items);
    print(options, { dry_run: false, run_id, items }, () => asText(items, "discarded"));
    if (followed.run.state !== "done") process.exitCode = EXIT.interrupted;
  },
);

function asText(items: Parameters<typeof itemTable>[0], verb: string): string {
  const count = items.filter(({ outcome }) => outcome === "discarded").length;
  return [itemTable(items), `${verb} ${count} of ${items.length}`].join("\n\n");
}
