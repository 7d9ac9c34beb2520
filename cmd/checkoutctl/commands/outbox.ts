// `checkoutctl outbox`: what was said can be said again.
import { Option } from "@commander-js/extra-typings";
import {
  planRepublish,
  reachesPastRetention,
  republish,
  type RepublishedOutbox,
} from "../../../internal/operations/republish.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import { DATABASES } from "../../../schemas/migrations.ts";
import { group, instant, moment, operatorCommand, print, table, whenInterrupted } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

const republishCommand = operatorCommand(
  "republish",
  "publish what the outboxes hold once more: rebuilds the topics after Kafka has lost them",
)
  .requiredOption("--since <time>", "from then on, RFC 3339 or so long ago (2h)", moment)
  .option("--until <time>", "up to then (now)", moment)
  .addOption(new Option("--database <name>", "only this one's outbox").choices(DATABASES))
  .option("--dry-run", "only count what would be published")
  .addHelpText(
    "after",
    "\nRun `checkoutctl topics create` first, and keep a relay running. Consumers take each message once, so nothing happens twice.\nMails older than 23 hours are left out: their service remembers for a day which it has sent.",
  )
  .action(async (options) => {
    const now = Date.now();
    const stretch = { since: options.since, until: options.until ?? now };
    if (stretch.since >= stretch.until)
      throw new AppError(
        "MESSAGE_INVALID",
        "--since must lie before --until, which is now where it is left out",
      );
    await using connections = new Connections(loadSettings(options.stack));
    const names = options.database === undefined ? DATABASES : [options.database];
    const clock = { now: () => Date.now() };
    const shared = { databases: await connections.databases(), names, stretch, clock };
    const warning = reachesPastRetention(stretch, now)
      ? "outboxes keep seven days: what is older cannot be published again"
      : null;
    if (options.dryRun === true) {
      const outboxes = await planRepublish(shared);
      return print(options, { dry_run: true, warning, outboxes }, () =>
        asText(outboxes, "WOULD PUBLISH", warning),
      );
    }
    using interrupted = whenInterrupted();
    const report = await republish({
      ...shared,
      newId: () => Bun.randomUUIDv7(),
      actor: options.actor,
      reason: options.reason,
      signal: interrupted.signal,
      onWaiting: (database, unpublished) =>
        process.stderr.write(`${database}: ${unpublished} events wait for a relay; is one running?\n`),
      onProgress: ({ database, events, of }) => process.stderr.write(`${database}: ${events} of ${of}\n`),
    });
    const again = report.interrupted
      ? `interrupted: run it again with --since ${instant(stretch.since)} --until ${instant(stretch.until)}`
      : null;
    print(options, { dry_run: false, warning, ...report }, () =>
      [asText(report.outboxes, "PUBLISHED AGAIN", warning), ...(again === null ? [] : [again])].join("\n"),
    );
    if (report.interrupted) process.exitCode = EXIT.interrupted;
  });

function asText(outboxes: readonly RepublishedOutbox[], heading: string, warning: string | null): string {
  return [
    table(
      ["OUTBOX", heading],
      outboxes.map(({ database, events }) => [database, events]),
    ),
    ...(warning === null ? [] : [warning]),
  ].join("\n");
}

export const outboxCommand = group("outbox", "messages as their senders keep them").addCommand(
  republishCommand,
);
