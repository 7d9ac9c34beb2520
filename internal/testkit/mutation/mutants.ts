// All mutants. Used by main.ts, traps.ts and the tests in this folder.
import type { Mutant } from "./mutant.ts";
import { ORCHESTRATOR_MUTANTS } from "./mutants/orchestrator.ts";
import { ACCESS_MUTANTS } from "./mutants/access.ts";
import { AUTHORIZE_FIRST_MUTANTS } from "./mutants/authorize-first.ts";
import { GATEWAY_MUTANTS } from "./mutants/gateway.ts";
import { ACTION_MUTANTS } from "./mutants/action.ts";
import { INVENTORY_MUTANTS } from "./mutants/inventory.ts";
import { MESSAGING_MUTANTS } from "./mutants/messaging.ts";
import { ORDER_AND_MAIL_MUTANTS } from "./mutants/order-and-mail.ts";
import { ORDER_CANCELLATION_MUTANTS } from "./mutants/order-cancellation.ts";
import { PAYMENT_MUTANTS } from "./mutants/payment.ts";
import { REFUND_MUTANTS } from "./mutants/refunds.ts";
import { RELAY_MUTANTS } from "./mutants/relay.ts";
import { RUN_MUTANTS } from "./mutants/runs.ts";
import { SAGA_MUTANTS } from "./mutants/saga.ts";
import { SECOND_PROVIDER_MUTANTS } from "./mutants/second-provider.ts";

export const MUTANTS: readonly Mutant[] = [
  ...ACCESS_MUTANTS,
  ...GATEWAY_MUTANTS,
  ...ORCHESTRATOR_MUTANTS,
  ...SAGA_MUTANTS,
  ...AUTHORIZE_FIRST_MUTANTS,
  ...ACTION_MUTANTS,
  ...INVENTORY_MUTANTS,
  ...PAYMENT_MUTANTS,
  ...REFUND_MUTANTS,
  ...SECOND_PROVIDER_MUTANTS,
  ...MESSAGING_MUTANTS,
  ...RELAY_MUTANTS,
  ...ORDER_AND_MAIL_MUTANTS,
  ...ORDER_CANCELLATION_MUTANTS,
  ...RUN_MUTANTS,
];
