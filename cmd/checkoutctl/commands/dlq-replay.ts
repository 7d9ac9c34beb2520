// `checkoutctl dlq replay`: a plan and its run in one command. Sends dead letters again, first one, then growing batches at a limited
// rate.
import { Option } from "@commander-js/extra-typings";
import { PLAN_DEFAULTS } from "../../../internal/operations/plan-defaults.ts";
import {
  createPlan,
  type PlanRequest,
  previewPlan,
  type RunView,
} from "../../../internal/operations/plans.ts";
import { plannedItems, reportOf, type RunReport } from "../../../internal/operations/run-report.ts";
import { bulkContext, planAndFollow } from "../bulk.ts";
import { durationOption, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { type Progress, progress } from "../progress.ts";
import { loadSettings } from "../settings.ts";
import { filterToHandle, handlingCommand, itemTable, rate, share } from "./dlq-selection.ts";

const DEFAULTS = PLAN_DEFAULTS["dead-letter.replay"];

export const replayCommand = handlingCommand(
  "replay",
  "send dead letters again: first one, then growing batches at a limited rate",
)
  .option("--quarantined", "send this one quarantined message, selected by its id")
  .addOption(
    new Option("--rate <n/s>", "maximum message rate, per second (20/s) or minute (30/m)")
      .argParser(rate)
      .default(DEFAULTS.ratePerSecond, `${DEFAULTS.ratePerSecond}/s`),
  )
  .option(
    "--max-error-rate <share>",
    "stop when more than this share fails again",
    share,
    DEFAULTS.maxErrorRate,
  )
  .addOption(
    durationOption(
      "--wait <duration>",
      "how long to wait for the outcome of a message",
      `${DEFAULTS.waitMs / 1_000}s`,
    ),
  )
  .addHelpText(
    "after",
    "\nDead letters that were replayed or discarded before are skipped, so the same command continues where it stopped.\nIt is `dlq plan` and `run start` in one; `run list` shows it.",
  )
  .action(async (given, options) => {
    const filter = filterToHandle(options, given ?? []);
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const { everything, quarantined: allowsQuarantined, rate: ratePerSecond, maxErrorRate } = options;
    const waitMs = options.wait * 1_000;
    const chosen = { filter, everything, allowsQuarantined, ratePerSecond, maxErrorRate, waitMs };
    const request: PlanRequest = { kind: "dead-letter.replay", ...chosen };
    if (options.dryRun) {
      const { items, totals } = await previewPlan(context, request);
      const planned = plannedItems(items);
      return print(options, { dry_run: true, items: planned, totals }, () =>
        [itemTable(planned), `would send ${totals.acts} of ${planned.length}`].join("\n\n"),
      );
    }
    using bar = progress();
    const followed = await planAndFollow(
      connections,
      context,
      (actor) => createPlan(context, actor, request),
      { ...options, onChange: (run) => show(bar, run) },
    );
    bar[Symbol.dispose]();
    if (followed === null)
      return print(options, { dry_run: false, ...NOTHING }, () => "no dead letter that matches is open");
    const report = reportOf(followed.run, followed.items);
    print(options, { dry_run: false, ...report }, () => asText(report));
    process.exitCode = exitCodeOf(report);
  });

const NOTHING: Omit<RunReport, "run_id"> = { sent: 0, failed: 0, left: 0, stopped: null, items: [] };

function show(bar: Progress, { units_done, counts: { failed, not_reached } }: RunView): void {
  bar.show("sent", units_done, units_done + not_reached, failed > 0 ? `${failed} failed again` : "");
}

function asText({ run_id, items, sent, failed, left, stopped }: RunReport): string {
  const again = "run the same command again to continue; replayed messages are skipped";
  const ends = {
    "error rate": `STOPPED: too many failed again, ${left} left. Find the cause first, then ${again}`,
    interrupted: `interrupted, ${left} left: ${again}`,
  };
  return [
    ...(items.length === 0 ? [] : [itemTable(items)]),
    `run ${run_id}: ${sent} sent, ${failed} failed again, ${items.length - sent} not sent`,
    ...(stopped === null ? [] : [ends[stopped]]),
  ].join("\n\n");
}

function exitCodeOf({ stopped, failed, items }: RunReport): number {
  if (stopped === "interrupted") return EXIT.interrupted;
  const isRefused = items.some(({ outcome }) => outcome === "refused");
  return stopped !== null || failed > 0 || isRefused ? EXIT.refused : EXIT.ok;
}
