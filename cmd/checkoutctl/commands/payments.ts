// `checkoutctl payments`: differences between our payments and the provider's ledger.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { AppError } from "../../../internal/kernel/errors.ts";
import {
  closePaymentAlert,
  listPaymentAlerts,
  requestReconciliation,
} from "../../../internal/operations/payment-alert-store.ts";
import { command, count, group, instant, print, table, uuid } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";
import { rebuildCommand } from "./payments-rebuild.ts";
import { settleCommand } from "./payments-settle.ts";

const alerts = command("alerts", "list differences between payments and the provider's ledger, newest first")
  .option("--all", "include closed alerts")
  .option("--limit <count>", "maximum number of alerts", count, 50)
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const filter = { closed: options.all === true, limit: options.limit };
    const found = await listPaymentAlerts(await connections.database("payment"), filter);
    print(options, found, () =>
      found.length === 0
        ? "no alerts"
        : table(
            ["ALERT", "OPENED", "KIND", "CHARGE OR REFUND", "SAGA", "CLOSED", "WHAT"],
            found.map((alert) => [
              alert.alert_id,
              instant(alert.opened_at),
              alert.kind,
              alert.subject,
              alert.saga_id,
              instant(alert.closed_at),
              alert.close_note === null
                ? alert.detail
                : `${alert.detail} (${alert.closed_by}: ${alert.close_note})`,
            ]),
          ),
    );
  });

const close = command(
  "close",
  "close an alert after it was handled; the same difference does not open a new alert",
)
  .argument("<alert-id>", "the alert's id", uuid)
  .requiredOption("--reason <text>", "what was done about it", words)
  .action(async (alertId, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const { reason } = options;
    const isClosed = await closePaymentAlert(await connections.database("payment"), alertId, {
      actor,
      reason,
    });
    if (!isClosed) throw new AppError("MESSAGE_INVALID", `there is no open alert ${alertId}`);
    print(options, { alert_id: alertId, closed_by: actor, close_note: reason }, () => "closed");
  });

const reconcile = command(
  "reconcile",
  "make the payment service compare its payments with the provider's ledger now",
).action(async (options) => {
  await using connections = new Connections(loadSettings(options.stack));
  const asked = await requestReconciliation(await connections.database("payment"));
  print(
    options,
    asked,
    () =>
      `requested: the payment service compares up to ${instant(asked.compared_until)}; differences appear in \`checkoutctl payments alerts\``,
  );
});

export const paymentsCommand = group("payments", "payments and the provider's ledger")
  .addCommand(alerts)
  .addCommand(close)
  .addCommand(reconcile)
  .addCommand(settleCommand)
  .addCommand(rebuildCommand);

function words(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}
