// `checkoutctl outbox`: publishes outbox messages again, and restores lost outbox messages from Kafka.
import type { Sql } from "postgres";
import { Option } from "@commander-js/extra-typings";
import { createRepublishPlan } from "../../../internal/operations/plan-republish.ts";
import type { ItemRow } from "../../../internal/operations/plan-store.ts";
import { allItemsOf } from "../../../internal/operations/plans.ts";
import {
  planRepublish,
  type PlannedOutbox,
  republish,
  type RepublishedOutbox,
  stretchOf,
} from "../../../internal/operations/republish.ts";
import { restoreOutbox } from "../../../internal/operations/restore-outbox.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { DATABASES, type DatabaseName } from "../../../schemas/migrations.ts";
import { bulkContext, operatorOf, runText, startLine } from "../bulk.ts";
import {
  command,
  group,
  instant,
  moment,
  operatorCommand,
  print,
  table,
  whenInterrupted,
  wrongUsage,
} from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { progress } from "../progress.ts";
import { loadSettings } from "../settings.ts";
import { rate } from "./dlq-selection.ts";

/** The relay's backlog is the limit in practice. */
const REPUBLISH_RATE = 5_000;

const WAITING = "waiting for the relay: is one running?";

const republishCommand = operatorCommand(
  "republish",
  "publish the messages in the outboxes again, to rebuild topics that Kafka has lost",
)
  .requiredOption(
    "--since <time>",
    "only messages written since this time, RFC 3339 or a duration ago (2h)",
    moment,
  )
  .option("--until <time>", "only messages written before this time", moment)
  .option(
    "--published-before <time>",
    "only messages that were published before this time (default: now); to continue an interrupted run",
    moment,
  )
  .addOption(
    new Option("--database <name>", "only the outbox of this database").choices([...DATABASES, "all"]),
  )
  .option("--dry-run", "only count the messages that would be published")
  .addHelpText(
    "after",
    "\nRun `checkoutctl topics create` first, and keep a relay running. Consumers process each message once, so nothing happens twice.\nMails older than 23 hours are skipped: the notification service remembers sent mails for one day.",
  )
  .action(async (options) => {
    const { since, until = null, publishedBefore = null, database = "all", reason } = options;
    if (since >= (until ?? Date.now())) wrongUsage("--since must be before --until (default: now)");
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    // Opens only the requested databases and the one with the audit trail: the others may be down.
    const trail = await connections.database("saga");
    const outboxes = new Map<DatabaseName, Sql>();
    for (const name of DATABASES.filter((one) => database === "all" || one === database))
      outboxes.set(name, name === "saga" ? trail : await connections.database(name));
    const stretch = await stretchOf(outboxes, trail, { since, until, publishedBefore });
    const planned = await planRepublish({ outboxes, stretch });
    const warnings = planned.flatMap((one) => warningOf(one, since));
    if (options.dryRun === true)
      return print(options, { dry_run: true, warnings, outboxes: planned }, () =>
        [asText(planned, "WOULD PUBLISH"), ...warnings].join("\n"),
      );
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    using interrupted = whenInterrupted();
    using bar = progress();
    let hasWaited = false;
    const report = await republish({
      outboxes,
      trail,
      stretch,
      clock: { now: () => Date.now() },
      newId: () => Bun.randomUUIDv7(),
      actor,
      reason,
      signal: interrupted.signal,
      onProgress: ({ database: name, events, of, isWaiting }) => {
        bar.show(name, events, of, isWaiting ? WAITING : "");
        // Without a terminal there is no bar, but somebody may have to start a relay.
        if (isWaiting && !hasWaited && !process.stderr.isTTY) process.stderr.write(`${name}: ${WAITING}\n`);
        hasWaited ||= isWaiting;
      },
    });
    bar[Symbol.dispose]();
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

const plan = command(
  "plan",
  "freeze what publishing the outboxes again would do; `run start` does it, and can be paused and slowed down",
)
  .requiredOption(
    "--since <time>",
    "only messages written since this time, RFC 3339 or a duration ago (2h)",
    moment,
  )
  .option("--until <time>", "only messages written before this time", moment)
  .addOption(
    new Option("--database <name>", "only the outbox of this database").choices([...DATABASES, "all"]),
  )
  .addOption(
    new Option("--rate <n/s>", "maximum message rate, per second (500/s) or minute (30/m)")
      .argParser(rate)
      .default(REPUBLISH_RATE, `${REPUBLISH_RATE}/s`),
  )
  .addHelpText("after", "\nA plan expires after 15 minutes. Nothing is published before it is started.")
  .action(async (options) => {
    const { since, until = null, database = "all", rate: ratePerSecond } = options;
    if (since >= (until ?? Date.now())) wrongUsage("--since must be before --until (default: now)");
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const databases = DATABASES.filter((one) => database === "all" || one === database);
    const times = { since, until, publishedBefore: null };
    const made = await createRepublishPlan(context, await operatorOf(connections), {
      ...times,
      databases,
      ratePerSecond,
    });
    const items = await allItemsOf(context, made.plan_id);
    const start = startLine(made, undefined);
    print(options, { ...made, items, start }, () =>
      [runText(made), outboxTable(items), `Start it: ${start}`].join("\n\n"),
    );
  });

function outboxTable(items: readonly ItemRow[]): string {
  return table(
    ["OUTBOX", "WOULD PUBLISH"],
    items.map(({ subject, units }) => [subject, units]),
  );
}

function warningOf({ database, oldest_at }: PlannedOutbox, since: number): string[] {
  if (oldest_at === null) return [`the outbox of ${database} is empty`];
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
  "after a restore of a database from a backup: write the messages that its outbox lost back from Kafka",
)
  .addOption(
    new Option("--database <name>", "the restored database").choices(DATABASES).makeOptionMandatory(),
  )
  .option("--dry-run", "only count the lost messages")
  .action(async ({ database, dryRun = false, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
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

export const outboxCommand = group("outbox", "the messages that the services keep for publishing")
  .addCommand(plan)
  .addCommand(republishCommand)
  .addCommand(restoreCommand);
