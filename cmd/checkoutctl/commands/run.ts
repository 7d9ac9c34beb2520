// `checkoutctl run`: plans of bulk acts and their runs. `dlq plan` makes a plan.
import { Option } from "@commander-js/extra-typings";
import type { BulkContext } from "../../../internal/operations/bulk-context.ts";
import { type Operator, RUN_STATES } from "../../../internal/operations/plan.ts";
import { allItemsOf, listRuns, planOf, type RunView } from "../../../internal/operations/plans.ts";
import { hasPausedAsAsked, progressText } from "../../../internal/operations/run-progress.ts";
import { followRun } from "../../../internal/operations/run-report.ts";
import { changeRate, pauseRun, resumeRun, startRun, stopRun } from "../../../internal/operations/runs.ts";
import {
  bulkContext,
  confirmOption,
  foregroundExecutor,
  operatorOf,
  rateText,
  runItemTable,
  runText,
  startRequest,
} from "../bulk.ts";
import {
  command,
  count,
  group,
  instant,
  operatorCommand,
  print,
  reasonOption,
  table,
  uuid,
  whenInterrupted,
} from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { type Progress, progress } from "../progress.ts";
import { loadSettings } from "../settings.ts";
import { rate } from "./dlq-selection.ts";

const ID = "the id, as `dlq plan` and `run list` print it";

const list = command("list", "plans and runs, newest first")
  .addOption(new Option("--state <state>", "only those in this state").choices(RUN_STATES))
  .option("--limit <count>", "maximum number listed", count, 20)
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const saga = await connections.database("saga");
    const runs = await listRuns({ saga }, { state: options.state ?? null, limit: options.limit });
    print(options, { runs }, () =>
      runs.length === 0
        ? "no plans or runs: `checkoutctl dlq plan` makes one"
        : table(
            ["RUN", "WHAT", "STATE", "PLANNED BY", "PLANNED AT", "STARTED BY", "PROGRESS"],
            runs.map((run) => [
              run.plan_id,
              run.kind,
              run.state,
              run.created_by,
              instant(run.created_at),
              run.started_by,
              run.started_by === null ? `${run.totals.acts} planned` : progressText(run),
            ]),
          ),
    );
  });

const show = command("show", "one plan or run: state, totals, money, progress")
  .argument("<id>", ID, uuid)
  .option("--items", "every item with its decision and outcome")
  .action(async (id, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const saga = await connections.database("saga");
    const run = await planOf({ saga }, id);
    const items = options.items === true ? await allItemsOf({ saga }, id) : null;
    print(options, items === null ? run : { ...run, items }, () =>
      [runText(run), ...(items === null ? [] : [runItemTable(items)])].join("\n\n"),
    );
  });

function pauseAfterOption() {
  return new Option("--pause-after <count>", "pause the run after this many messages").argParser(count);
}

const start = operatorCommand("start", "start a plan, and execute it until it is done")
  .argument("<id>", ID, uuid)
  .addOption(confirmOption())
  .addOption(pauseAfterOption())
  .addHelpText("after", "\nCtrl-C finishes the batch in flight and pauses the run.")
  .action(async (id, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const actor = await operatorOf(connections);
    const confirmed = await startRequest(await planOf(context, id), options);
    const request = { ...confirmed, pauseAfter: options.pauseAfter ?? null };
    await startRun(context, actor, id, request);
    await execute(connections, { context, actor, id }, options);
  });

const resume = command("resume", "continue a paused run, or one whose executor died, one item first")
  .argument("<id>", ID, uuid)
  .addOption(reasonOption())
  .addOption(pauseAfterOption())
  .addHelpText("after", "\nCtrl-C finishes the batch in flight and pauses the run.")
  .action(async (id, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const actor = await operatorOf(connections);
    const { state } = await planOf(context, id);
    // A run goes on without an operator's word when its executor has died: only somebody must execute it.
    const { reason, pauseAfter } = options;
    if (state !== "running" || pauseAfter !== undefined)
      await resumeRun(context, actor, id, reason, pauseAfter);
    await execute(connections, { context, actor, id }, options);
  });

const watch = command("watch", "follow a run that another process executes")
  .argument("<id>", ID, uuid)
  .action(async (id, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const saga = await connections.database("saga");
    using interrupted = whenInterrupted();
    using bar = progress();
    const { signal } = interrupted;
    const onChange = (changed: RunView) => showProgress(bar, changed);
    const run = await followRun({ saga, planId: id, executor: null, signal, onChange });
    bar[Symbol.dispose]();
    print(options, run, () => runText(run));
    process.exitCode = signal.aborted ? EXIT.interrupted : exitCodeOf(run);
  });

const pause = steering("pause", "stop after the batch in flight; `run resume` continues", pauseRun);
const stop = steering("stop", "stop for good after the batch in flight", stopRun);

function steering(name: "pause" | "stop", summary: string, steer: typeof pauseRun) {
  return command(name, summary)
    .argument("<id>", ID, uuid)
    .addOption(reasonOption())
    .action(async (id, options) => {
      await using connections = new Connections(loadSettings(options.stack));
      const context = await bulkContext(connections);
      const run = await steer(context, await operatorOf(connections), id, options.reason);
      print(options, run, () => runText(run));
    });
}

const changeOfRate = command("rate", "change the rate of a plan or run, from the next batch on")
  .argument("<id>", ID, uuid)
  .argument("<n/s>", "messages per second (20/s) or minute (30/m)", rate)
  .addOption(reasonOption())
  .action(async (id, ratePerSecond, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const run = await changeRate(context, await operatorOf(connections), id, ratePerSecond, options.reason);
    print(options, run, () => runText(run));
  });

export const runCommand = group("run", "bulk acts: their plans and runs")
  .addCommand(list)
  .addCommand(show)
  .addCommand(start)
  .addCommand(watch)
  .addCommand(pause)
  .addCommand(resume)
  .addCommand(stop)
  .addCommand(changeOfRate);

/** Executes the run in the foreground, or watches the executor that has it. */
async function execute(
  connections: Connections,
  { context, actor, id }: { readonly context: BulkContext; readonly actor: Operator; readonly id: string },
  options: { readonly json?: true | undefined },
): Promise<void> {
  await using executor = foregroundExecutor(connections, context, id);
  using interrupted = whenInterrupted();
  using bar = progress();
  const { signal } = interrupted;
  const onChange = (changed: RunView) => showProgress(bar, changed);
  const followed = await followRun({ saga: context.saga, planId: id, executor, signal, onChange });
  bar[Symbol.dispose]();
  const isPausedByUs = signal.aborted && followed.state === "running";
  const run = isPausedByUs ? await pauseRun(context, actor, id, "interrupted on the terminal") : followed;
  print(options, run, () => [runText(run), ...hintOf(run)].join("\n\n"));
  process.exitCode = isPausedByUs ? EXIT.interrupted : exitCodeOf(run);
}

function showProgress(bar: Progress, run: RunView): void {
  const { state, totals, rate_per_second, counts } = run;
  const failed = counts.failed === 0 ? "" : `, ${counts.failed} failed`;
  bar.show(state, run.units_done, totals.units, `${rateText(rate_per_second)}${failed}`);
}

function hintOf({ state, plan_id }: RunView): readonly string[] {
  return state === "paused" ? [`Continue it: checkoutctl run resume ${plan_id}`] : [];
}

function exitCodeOf(run: RunView): number {
  const { state, counts } = run;
  const { failed, refused } = counts;
  const isAsAsked = state === "done" || hasPausedAsAsked(run);
  return isAsAsked && failed === 0 && refused === 0 ? EXIT.ok : EXIT.refused;
}
