// The messages a saga sends: the command and the undo of each step, and the mail to the shopper. Pure; called by saga.ts.
import { type Command, MAX_ANSWER_WITHIN_MS } from "../../schemas/commands.ts";
import type { StartSaga } from "../../schemas/http.ts";
import { assert, AssertionError } from "../kernel/errors.ts";
import type { Outgoing } from "../messaging/handler.ts";
import type { Saga } from "./state.ts";
import { rowOf, type Step, type Table, tableOf } from "./steps.ts";

/** The first command carries everything from which the row of the saga can be rebuilt. */
export function firstCommand(saga: Saga, request: StartSaga): Outgoing {
  const { user_id, email, shipping_address, expected_total_cents, client_key, body_hash } = request;
  const { shopper_present, language, provider } = request;
  const { table_version } = saga;
  const command = stepCommand(saga, "reserve");
  assert(command.type === "ReserveInventory", "a saga begins with its reservation");
  return {
    ...command,
    checkout: {
      user_id,
      email,
      shipping_address,
      ...(expected_total_cents === undefined ? {} : { expected_total_cents }),
      client_key,
      ...(shopper_present === undefined ? {} : { shopper_present }),
      ...(language === undefined ? {} : { language }),
      ...(provider === undefined ? {} : { provider }),
      ...(table_version === 1 ? {} : { table_version }),
      body_hash,
    },
  };
}

/** The forward command of `step`, filled with what the saga knows by then. */
export function stepCommand(saga: Saga, step: Step): Outgoing {
  const { saga_id } = saga;
  const idempotency_key = `${saga_id}:${step}`;
  const { command } = rowOf(tableOf(saga), step);
  switch (command) {
    case "ReserveInventory":
      return { type: command, saga_id, idempotency_key, items: [...saga.items], currency: saga.currency };
    case "ChargePayment":
    case "AuthorizePayment": {
      const { total_cents, currency, payment_method, provider } = saga;
      assert(
        total_cents !== null && payment_method !== null,
        "a saga is charged after it is priced and before it is finished",
      );
      const charge = { amount_cents: total_cents, currency, payment_method, ...patience(saga) };
      const present = saga.shopper_present ? { shopper_present: true } : {};
      const by = provider === null ? {} : { provider };
      return { type: command, saga_id, idempotency_key, ...charge, ...present, ...by };
    }
    case "ConfirmReservation":
    case "CapturePayment":
      return { type: command, saga_id, idempotency_key };
    case "CreateOrder": {
      const { user_id, total_cents, currency, priced_items, shipping_address, card } = saga;
      assert(total_cents !== null && priced_items !== null, "an order is created after the cart is priced");
      const items = [...priced_items];
      return {
        type: command,
        saga_id,
        idempotency_key,
        user_id,
        items,
        total_cents,
        currency,
        shipping_address,
        ...(card === null ? {} : { card }),
      };
    }
    default:
      throw new AssertionError(`${command} is not a forward command`);
  }
}

/** How long the saga, which has just moved on, still waits. */
function patience({ deadline_at, updated_at }: Saga): { readonly answer_within_ms?: number } {
  if (deadline_at === null) return {};
  const leftMs = Math.floor(deadline_at - updated_at);
  return { answer_within_ms: Math.min(Math.max(leftMs, 0), MAX_ANSWER_WITHIN_MS) };
}

/** The command that undoes `step`; null when the undo of an earlier step covers it. */
export function undoTypeOf(table: Table, step: Step, isPaid: boolean): Command["type"] | null {
  const { undo } = rowOf(table, step);
  if (undo === null) return null;
  return (isPaid ? undo.commandOncePaid : undefined) ?? undo.command;
}

/** The command that settles `step` for good, whether or not the step happened. */
export function undoCommand(saga: Saga, step: Step): Outgoing {
  const type = undoTypeOf(tableOf(saga), step, saga.payment_succeeded);
  assert(type !== null, `step ${step} has no undo`);
  switch (type) {
    case "ReleaseInventory":
    case "CancelPayment":
    case "RefundPayment":
    case "CancelOrder":
      return { type, saga_id: saga.saga_id, idempotency_key: `${saga.saga_id}:${step}:undo` };
    default:
      throw new AssertionError(`${type} is not an undo`);
  }
}

/** What every mail about a saga begins with. */
export function mailTo({
  saga_id,
  user_id,
  email,
  currency,
  language,
}: Pick<Saga, "saga_id" | "user_id" | "email" | "currency" | "language">) {
  const known = language === null ? {} : { language };
  return { type: "SendNotification" as const, saga_id, user_id, email, currency, ...known };
}

/** Tells the shopper the outcome. Only for a finished saga. */
export function notification(saga: Saga): Outgoing {
  const { position } = saga;
  const to = mailTo(saga);
  if (position.kind === "completed") {
    assert(saga.priced_items !== null && saga.total_cents !== null, "a completed saga is priced");
    return {
      ...to,
      template: "order_confirmed",
      order_id: position.order_id,
      items: [...saga.priced_items],
      total_cents: saga.total_cents,
      ...(saga.card === null ? {} : { card: saga.card }),
    };
  }
  assert(position.kind === "compensated", "only a finished saga notifies the shopper");
  return { ...to, template: "checkout_failed", failure_code: position.failure.code };
}
