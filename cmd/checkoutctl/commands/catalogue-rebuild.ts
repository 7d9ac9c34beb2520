// `checkoutctl catalogue rebuild`: an inventory database that was restored from a backup has its reservations made again.
import { rebuildStock } from "../../../internal/operations/stock-rebuild.ts";
import { moment, operatorCommand, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

export const rebuildCommand = operatorCommand(
  "rebuild",
  "of an inventory database restored from a backup: make the reservations again that it has told of",
)
  .requiredOption(
    "--since <time>",
    "from a minute before the backup on, RFC 3339 or so long ago (2h)",
    moment,
  )
  .addHelpText(
    "after",
    "\nRun it while the inventory role is stopped, after `outbox restore --database inventory`, before `outbox republish`: see the runbook.",
  )
  .action(async ({ since, actor, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
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
        `${report.lost} lost reservations are made again, ${report.settled} stood in another state; ${report.answered} commands had been answered`,
    );
  });
