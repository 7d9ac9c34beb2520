// `checkoutctl payments`: where our payments and the provider's books do not agree.
import {
  listPaymentAlerts,
  requestReconciliation,
} from "../../../internal/operations/payment-alert-store.ts";
import { command, count, group, instant, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const alerts = command("alerts", "list differences between payments and the provider's books, newest first")
  .option("--all", "with those that are closed")
  .option("--limit <count>", "at most so many", count, 50)
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const filter = { closed: options.all === true, limit: options.limit };
    const found = await listPaymentAlerts(await connections.database("payment"), filter);
    print(options, found, () =>
      found.length === 0
        ? "no alerts"
        : table(
            ["OPENED", "KIND", "CHARGE OR REFUND", "SAGA", "CLOSED", "WHAT"],
            found.map((alert) => [
              instant(alert.opened_at),
              alert.kind,
              alert.subject,
              alert.saga_id,
              instant(alert.closed_at),
              alert.close_note === null ? alert.detail : `${alert.detail} (${alert.close_note})`,
            ]),
          ),
    );
  });

const reconcile = command(
  "reconcile",
  "let the payment service compare with the provider's books now",
).action(async (options) => {
  await using connections = new Connections(loadSettings(options.stack));
  const asked = await requestReconciliation(await connections.database("payment"));
  print(
    options,
    asked,
    () =>
      `asked for; the books are compared up to ${instant(asked.compared_until)}, what differs is in \`checkoutctl payments alerts\``,
  );
});

export const paymentsCommand = group("payments", "payments and the provider's books")
  .addCommand(alerts)
  .addCommand(reconcile);
