// `checkoutctl payments rebuild`: re-enters lost charge requests after the payment database was restored from a backup.
import { rebuildPayments } from "../../../internal/operations/payment-rebuild.ts";
import { DEFAULT_PROVIDER } from "../../../internal/services/payment/payment.ts";
import { moment, operatorCommand, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

export const rebuildCommand = operatorCommand(
  "rebuild",
  "after a restore of the payment database from a backup: make the payment service ask the provider about every charge since then",
)
  .requiredOption("--since <time>", "one minute before the backup, RFC 3339 or a duration ago (2h)", moment)
  .addHelpText(
    "after",
    "\nStop the payment role first. Run it before `outbox republish`; see the runbook. Nothing is charged again: requests reuse their\nidempotency keys, and the charge of a compensating saga is only looked up.",
  )
  .action(async ({ since, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const report = await rebuildPayments({
      payment: await connections.database("payment"),
      saga: await connections.database("saga"),
      provider: DEFAULT_PROVIDER,
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
        `${report.asked} charges requested: ${report.lost} were lost and ${report.open} are open here, ${report.held} more are held; the payment service asks the provider about these`,
    );
  });
