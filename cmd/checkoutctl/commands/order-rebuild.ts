// `checkoutctl order rebuild`: brings shipments, deliveries and cancellations back after the order database was restored from a backup.
import { plural } from "../../../internal/kernel/counted.ts";
import {
  type OrderRebuildReport,
  rebuildOrders,
  type RebuiltOrder,
} from "../../../internal/operations/order-rebuild.ts";
import { moment, operatorCommand, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

export const rebuildCommand = operatorCommand(
  "rebuild",
  "after a restore of the order database from a backup: bring back what was created, shipped, delivered and cancelled since then",
)
  .requiredOption("--since <time>", "one minute before the backup, RFC 3339 or a duration ago (2h)", moment)
  .option("--dry-run", "only show what would be done")
  .addHelpText(
    "after",
    "\nStop the order role first. Run it after `outbox restore --database order` and before `outbox republish`; see the runbook. It sends\nnothing: no mail, no event. It exits 3 if it cannot bring back everything, and lists what is missing.",
  )
  .action(async ({ since, dryRun = false, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const report = await rebuildOrders({
      order: await connections.database("order"),
      saga: await connections.database("saga"),
      since,
      newId: () => Bun.randomUUIDv7(),
      now: Date.now(),
      actor,
      reason,
      dryRun,
    });
    print(options, { dry_run: dryRun, ...report }, () => asText(report, dryRun));
    if (report.open.length + report.skipped.length > 0) process.exitCode = EXIT.refused;
  });

function asText({ orders, answered, open, skipped, erased_shoppers }: OrderRebuildReport, isDry: boolean) {
  const would = isDry ? "would be " : "";
  return [
    ...(orders.length === 0 ? [] : [table(["ORDER", "FROM", "TO", "TRACKING"], orders.map(rowOf))]),
    `${plural(orders.length, "order")} ${would}rebuilt; ${plural(answered, "command")} already had an answer`,
    ...open.map(({ order_id, saga_id, what }) => `order ${order_id} of saga ${saga_id}: ${what}`),
    ...skipped.map((id) => `order ${id} was changed by somebody else meanwhile: run this again`),
    ...erased_shoppers.map(
      (id) => `shopper ${id} was erased since the backup: run \`checkoutctl shopper erase\` again`,
    ),
  ].join("\n");
}

function rowOf({ order_id, from, to, tracking }: RebuiltOrder) {
  return [order_id, from ?? "lost", to, tracking === null ? null : `${tracking.carrier} ${tracking.number}`];
}
