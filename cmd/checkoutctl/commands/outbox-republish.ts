// `checkoutctl outbox plan` and `outbox republish`: publishing the messages in the outboxes again, by a plan that is started later, or by a
// plan and its run in one command.
import { Option } from "@commander-js/extra-typings";
import { reasonFault } from "../../../internal/operations/plan.ts";
import { REPUBLISH_PER_SECOND } from "../../../internal/operations/plan-defaults.ts";
import {
  createRepublishPlan,
  type PlannedOutbox,
  previewRepublish,
  type RepublishPreview,
  type RepublishRequest,
} from "../../../internal/operations/plan-republish.ts";
import { allItemsOf, type RunView } from "../../../internal/operations/plans.ts";
import { DATABASES } from "../../../schemas/migrations.ts";
import {
  bulkContext,
  confirmOption,
  type Followed,
  operatorOf,
  planAndFollow,
  runText,
  startLine,
} from "../bulk.ts";
import { command, instant, moment, operatorCommand, print, table, wrongUsage } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { type Progress, progress } from "../progress.ts";
import { loadSettings } from "../settings.ts";
import { rate } from "./dlq-selection.ts";

/** Each command adds them itself: a builder function would lose the option types. */
const range = {
  since: new Option(
    "--since <time>",
    "only messages written since this time, RFC 3339 or a duration ago (2h)",
  )
    .argParser(moment)
    .makeOptionMandatory(),
  until: new Option("--until <time>", "only messages written before this time").argParser(moment),
  publishedBefore: new Option(
    "--published-before <time>",
    "only messages that were published before this time (default: now); to continue an interrupted run",
  ).argParser(moment),
  database: new Option("--database <name>", "only the outbox of this database").choices([
    ...DATABASES,
    "all",
  ]),
  rate: new Option("--rate <n/s>", "maximum message rate, per second (500/s) or minute (30/m)")
    .argParser(rate)
    .default(REPUBLISH_PER_SECOND, `${REPUBLISH_PER_SECOND}/s`),
} as const;

interface RangeOptions {
  readonly since: number;
  readonly until?: number | undefined;
  readonly publishedBefore?: number | undefined;
  readonly database?: string | undefined;
  readonly rate: number;
}

/** Exits 2 if the time range is empty. */
function requestOf(options: RangeOptions): RepublishRequest {
  const { since, until = null, publishedBefore = null, database = "all", rate: ratePerSecond } = options;
  if (since >= (until ?? Date.now())) wrongUsage("--since must be before --until (default: now)");
  const databases = DATABASES.filter((one) => database === "all" || one === database);
  return { databases, since, until, publishedBefore, ratePerSecond };
}

export const planCommand = command(
  "plan",
  "freeze what publishing the outboxes again would do; `run start` does it, and can be paused and slowed down",
)
  .addOption(range.since)
  .addOption(range.until)
  .addOption(range.publishedBefore)
  .addOption(range.database)
  .addOption(range.rate)
  .addHelpText("after", "\nA plan expires after 15 minutes. Nothing is published before it is started.")
  .action(async (options) => {
    const request = requestOf(options);
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const made = await createRepublishPlan(context, await operatorOf(connections), request);
    const items = await allItemsOf(context, made.plan_id);
    const start = startLine(made, undefined);
    print(options, { ...made, items, start }, () =>
      [
        runText(made),
        table(
          ["OUTBOX", "WOULD SEND"],
          items.map(({ subject, units }) => [subject, units]),
        ),
        `Start it: ${start}`,
      ].join("\n\n"),
    );
  });

export const republishCommand = operatorCommand(
  "republish",
  "publish the messages in the outboxes again, to rebuild topics that Kafka has lost: first one, then growing batches",
)
  .addOption(range.since)
  .addOption(range.until)
  .addOption(range.publishedBefore)
  .addOption(range.database)
  .addOption(range.rate)
  .addOption(confirmOption())
  .option("--dry-run", "only count the messages that would be published, and what to confirm")
  .addHelpText(
    "after",
    "\nRun `checkoutctl topics create` first, and keep a relay running. Consumers process each message once, so nothing happens twice.\nMails older than 23 hours are skipped: the notification service remembers sent mails for one day.\nIt is `outbox plan` and `run start` in one; `run list` shows it.",
  )
  .action(async (options) => {
    const request = requestOf(options);
    // Before anything is counted.
    const fault = options.dryRun === true ? null : reasonFault(options.reason);
    if (fault !== null) throw fault;
    await using connections = new Connections(loadSettings(options.stack));
    // Opens only the requested databases and the one with the plans: the others may be down.
    const context = await bulkContext(connections);
    const preview = await previewRepublish(context, request);
    const warnings = preview.outboxes.flatMap((one) => warningOf(one, request.since));
    if (options.dryRun === true)
      return print(options, { dry_run: true, warnings, ...dryRunOf(preview, request) }, () =>
        [previewText(preview, request), ...warnings].join("\n"),
      );
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    using bar = progress();
    const frozen = { ...request, publishedBefore: preview.publishedBefore };
    const followed = await planAndFollow(
      connections,
      context,
      (actor) => createRepublishPlan(context, actor, frozen, preview),
      { ...options, onChange: (run) => show(bar, run) },
    );
    bar[Symbol.dispose]();
    const report = reportOf(preview, followed, frozen);
    print(options, { dry_run: false, warnings, ...report }, () => reportText(report));
    if (report.interrupted) process.exitCode = EXIT.interrupted;
  });

function show(bar: Progress, { units_done, totals }: RunView): void {
  bar.show("sent", units_done, totals.units);
}

/**
 * With these times and `confirm`, the next command publishes exactly these messages, whatever is published meanwhile. With `--since 2h`
 * alone it would begin later than this one did, and the count would differ.
 */
function dryRunOf(
  { outboxes, totals, publishedBefore }: RepublishPreview,
  { since, until }: RepublishRequest,
) {
  return {
    outboxes,
    confirm: totals.units,
    since: instant(since),
    until: instant(until),
    published_before: instant(publishedBefore),
  };
}

function previewText(preview: RepublishPreview, { since, until }: RepublishRequest): string {
  const { outboxes, totals, publishedBefore } = preview;
  const times = timeOptions({ since, until, publishedBefore });
  return [
    outboxTable(outboxes, "WOULD SEND"),
    ...(totals.units === 0 ? [] : [`to publish these: ${times} --confirm ${totals.units}`]),
  ].join("\n");
}

/** The options that give the same time range at any later time. */
function timeOptions({
  since,
  until,
  publishedBefore,
}: Pick<RepublishRequest, "since" | "until" | "publishedBefore">): string {
  return Object.entries({ since, until, "published-before": publishedBefore })
    .flatMap(([name, at]) => (at === null ? [] : [`--${name} ${instant(at)}`]))
    .join(" ");
}

interface Report {
  /** Null if there was nothing to publish. */
  readonly run_id: string | null;
  readonly outboxes: readonly { readonly database: string; readonly events: number }[];
  readonly interrupted: boolean;
  /** The options that continue an interrupted run. */
  readonly again: string | null;
}

function reportOf(
  { outboxes }: RepublishPreview,
  followed: Followed | null,
  request: RepublishRequest,
): Report {
  if (followed === null) {
    const none = outboxes.map(({ database }) => ({ database, events: 0 }));
    return { run_id: null, outboxes: none, interrupted: false, again: null };
  }
  const { run, items } = followed;
  const interrupted = run.state !== "done";
  return {
    run_id: run.plan_id,
    outboxes: items.map(({ subject, units_done }) => ({ database: subject, events: units_done })),
    interrupted,
    again: interrupted ? timeOptions(request) : null,
  };
}

function reportText({ outboxes, run_id, again }: Report): string {
  return [
    outboxTable(outboxes, "SENT"),
    ...(run_id === null ? [] : [`run ${run_id}`]),
    ...(again === null ? [] : [`interrupted: run it again with ${again}`]),
  ].join("\n");
}

function outboxTable(
  outboxes: readonly { readonly database: string; readonly events: number }[],
  heading: string,
): string {
  return table(
    ["OUTBOX", heading],
    outboxes.map(({ database, events }) => [database, events]),
  );
}

function warningOf({ database, oldest_at }: PlannedOutbox, since: number): string[] {
  if (oldest_at === null) return [`the outbox of ${database} is empty`];
  if (oldest_at <= since) return [];
  return [`the outbox of ${database} begins at ${instant(oldest_at)}: nothing older can be published again`];
}
