// `checkoutctl outbox`: what was said can be said again.
import type { Sql } from "postgres";
import { Option } from "@commander-js/extra-typings";
import {
  planRepublish,
  type PlannedOutbox,
  republish,
  type RepublishedOutbox,
  stretchOf,
} from "../../../internal/operations/republish.ts";
import { restoreOutbox } from "../../../internal/operations/restore-outbox.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { DATABASES, type DatabaseName } from "../../../schemas/migrations.ts";
import { group, instant, moment, operatorCommand, print, table, whenInterrupted } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

const republishCommand = operatorCommand(
  "republish",
  "publish what the outboxes hold once more: rebuilds the topics after Kafka has lost them",
)
  .requiredOption("--since <time>", "from then on, RFC 3339 or so long ago (2h)", moment)
  .option("--until <time>", "written before then", moment)
  .option(
    "--published-before <time>",
    "only what Kafka had before then (now); for a run that goes on",
    moment,
  )
  .addOption(new Option("--database <name>", "only this one's outbox").choices([...DATABASES, "all"]))
  .option("--dry-run", "only count what would be published")
  .addHelpText(
    "after",
    "\nRun `checkoutctl topics create` first, and keep a relay running. Consumers take each message once, so nothing happens twice.\nMails older than 23 hours are left out: their service remembers for a day which it has sent.",
  )
  .action(async (options) => {
    const { since, until = null, publishedBefore = null, database = "all", actor, reason } = options;
    if (since >= (until ?? Date.now()))
      throw new AppError(
        "MESSAGE_INVALID",
        "--since must lie before --until, which is now where it is left out",
      );
    await using connections = new Connections(loadSettings(options.stack));
    // Only those that are asked for, and the one with the audit trail: others may be away, too.
    const trail = await connections.database("saga");
    const outboxes = new Map<DatabaseName, Sql>();
    for (const name of DATABASES.filter((one) => database === "all" || one === database))
      outboxes.set(name, name === "saga" ? trail : await connections.database(name));
    const stretch = await stretchOf(outboxes, trail, { since, until, publishedBefore });
    const plan = await planRepublish({ outboxes, stretch });
    const warnings = plan.flatMap((one) => warningOf(one, since));
    if (options.dryRun === true)
      return print(options, { dry_run: true, warnings, outboxes: plan }, () =>
        [asText(plan, "WOULD PUBLISH"), ...warnings].join("\n"),
      );
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    using interrupted = whenInterrupted();
    const report = await republish({
      outboxes,
      trail,
      stretch,
      clock: { now: () => Date.now() },
      newId: () => Bun.randomUUIDv7(),
      actor,
      reason,
      signal: interrupted.signal,
      onProgress: (progress) => {
        const waiting = progress.isWaiting ? ", waiting for the relay: does one run?" : "";
        process.stderr.write(`${progress.database}: ${progress.events} of ${progress.of}${waiting}\n`);
      },
    });
    const times = {
      since: instant(since),
      ...(until === null ? {} : { until: instant(until) }),
      "published-before": instant(stretch.publishedBefore),
    };
    const again = Object.entries(times)
      .map(([name, time]) => `--${name} ${time}`)
      .join(" ");
    print(options, { dry_run: false, warnings, ...report, again: report.interrupted ? again : null }, () =>
      [
        asText(report.outboxes, "PUBLISHED AGAIN"),
        ...(report.interrupted ? [`interrupted: run it again with ${again}`] : []),
      ].join("\n"),
    );
    if (report.interrupted) process.exitCode = EXIT.interrupted;
  });

function warningOf({ database, oldest_at }: PlannedOutbox, since: number): string[] {
  if (oldest_at === null) return [`the outbox of ${database} holds nothing`];
  if (oldest_at <= since) return [];
  return [`the outbox of ${database} begins at ${instant(oldest_at)}: nothing older can be published again`];
}

function asText(outboxes: readonly RepublishedOutbox[], heading: string): string {
  return table(
    ["OUTBOX", heading],
    outboxes.map(({ database, events }) => [database, events]),
  );
}

const restoreCommand = operatorCommand(
  "restore",
  "write back what a restored database's outbox has lost and Kafka has",
)
  .addOption(new Option("--database <name>", "whose outbox").choices(DATABASES).makeOptionMandatory())
  .option("--dry-run", "only count")
  .action(async ({ database, dryRun = false, actor, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const outbox = await connections.database(database);
    const trail = database === "saga" ? outbox : await connections.database("saga");
    const report = await restoreOutbox({
      database,
      outbox,
      trail,
      readTopic: (topic) => readTopic({ ...connections.kafka(), topic }),
      clock: { now: () => Date.now() },
      newId: () => Bun.randomUUIDv7(),
      actor,
      reason,
      dryRun,
    });
    print(options, { dry_run: dryRun, ...report }, () =>
      table(
        ["TOPIC", dryRun ? "LOST" : "WRITTEN BACK"],
        report.topics.map(({ topic, messages }) => [topic, messages]),
      ),
    );
  });

export const outboxCommand = group("outbox", "messages as their senders keep them")
  .addCommand(republishCommand)
  .addCommand(restoreCommand);
