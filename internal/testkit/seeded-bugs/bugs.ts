// All seeded bugs. Read by main.ts, the tests beside it, and traps.ts.
import type { SeededBug } from "./bug.ts";
import { ORCHESTRATOR_BUGS } from "./bugs/orchestrator.ts";
import { INVENTORY_BUGS } from "./bugs/inventory.ts";
import { MESSAGING_BUGS } from "./bugs/messaging.ts";
import { ORDER_AND_MAIL_BUGS } from "./bugs/order-and-mail.ts";
import { PAYMENT_BUGS } from "./bugs/payment.ts";
import { RELAY_BUGS } from "./bugs/relay.ts";
import { SAGA_BUGS } from "./bugs/saga.ts";

export const BUGS: readonly SeededBug[] = [
  ...ORCHESTRATOR_BUGS,
  ...SAGA_BUGS,
  ...INVENTORY_BUGS,
  ...PAYMENT_BUGS,
  ...MESSAGING_BUGS,
  ...RELAY_BUGS,
  ...ORDER_AND_MAIL_BUGS,
];
