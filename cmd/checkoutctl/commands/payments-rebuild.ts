// `checkoutctl payments rebuild`: a payment database that was restored from a backup learns what it has asked for since.
import { rebuildPayments } from "../../../internal/operations/payment-rebuild.ts";
import { moment, operatorCommand, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

/** As the payment role names it in its rows. */
const PROVIDER = "stripe";

export const rebuildCommand = operatorCommand(
  "rebuild",
  "of a payment database restored from a backup: have the provider asked what became of each charge since",
)
  .requiredOption(
    "--since <time>",
    "from a minute before the backup on, RFC 3339 or so long ago (2h)",
    moment,
  )
  .addHelpText(
    "after",
    "\nRun it while the payment role is stopped, before `outbox republish`: see the runbook. Nothing is charged again: the provider is\nasked by the same keys, and where a saga is compensating its charge is only looked up.",
  )
  .action(async ({ since, actor, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const report = await rebuildPayments({
      payment: await connections.database("payment"),
      saga: await connections.database("saga"),
      provider: PROVIDER,
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
        `${report.asked} charges were asked for: ${report.lost} were lost and ${report.open} open here; the provider will be asked about these`,
    );
  });
