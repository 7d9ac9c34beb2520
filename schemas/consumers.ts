// Whose inbox takes a message: the database of the service that handles its type. Read by the auditor and by `checkoutctl repair`, which look
// for messages that a database has taken and forgotten.
import type { Command } from "./commands.ts";
import type { DatabaseName } from "./migrations.ts";
import type { MessageType } from "./registry.ts";

const OF_COMMANDS: Readonly<Record<Command["type"], DatabaseName>> = {
  ReserveInventory: "inventory",
  ExtendReservation: "inventory",
  ConfirmReservation: "inventory",
  ReleaseInventory: "inventory",
  ChargePayment: "payment",
  AuthorizePayment: "payment",
  CapturePayment: "payment",
  CancelPayment: "payment",
  RefundPayment: "payment",
  CreateOrder: "order",
  CancelOrder: "order",
};

/** Null for a mail, whose service has no inbox. */
export function inboxOf(type: MessageType): DatabaseName | null {
  if (type === "SendNotification") return null;
  return isCommandType(type) ? OF_COMMANDS[type] : "saga";
}

function isCommandType(type: MessageType): type is Command["type"] {
  return Object.hasOwn(OF_COMMANDS, type);
}
