// `checkoutctl catalogue rebuild`: recreates lost reservations after the inventory database was restored from a backup.
import { rebuildStock } from "../../../internal/operations/stock-rebuild.ts";
import { moment, operatorCommand, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

export const rebuildCommand = operatorCommand(
  "rebuild",
  "after a restore of the inventory database from a backup: recreate the reservations that its outbox shows",
)
  .requiredOption("--since <time>", "one minute before the backup, RFC 3339 or a duration ago (2h)", moment)
  .addHelpText(
    "after",
    "\nStop the inventory role first. Run it after `outbox restore --database inventory` and before `outbox republish`; see the runbook.",
  )
  .action(async ({ since, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const report = await rebuildStock({
      inventory: await connections.database("inventory"),
      saga: await connections.database("saga"),
      since,
      newId: () => Bun.randomUUIDv7(),
      now: Date.now(),
      actor,
      reason,
    });
    print(
      options,
      report,
      () =>
        `${report.lost} lost reservations recreated, ${report.settled} with another state corrected; ${report.answered} commands already had an answer`,
    );
  });
