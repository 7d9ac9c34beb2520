// The order service's decisions: create the saga's one order, or cancel it. Pure. Called by handler.ts and by the model explorer.
//
// A cancel settles the saga's order for good, even if it was never created (a tombstone), so a late or replayed create is refused.
// A decision depends only on the order's own state, so a repeated command has one effect.
import type { CancelOrder, CreateOrder, OrderCommand } from "../../../schemas/commands.ts";
import type { ChargedCard } from "../../../schemas/fields.ts";
import type { FailureCode } from "../../../schemas/failures.ts";
import { onlyReceipt } from "../../kernel/charged-card.ts";
import { assertNever } from "../../kernel/errors.ts";
import { totalCents } from "../../kernel/money.ts";
import type { Outgoing } from "../../messaging/handler.ts";

/** What was ordered, as the saga's command states it. */
export type OrderDetails = Readonly<
  Pick<CreateOrder, "user_id" | "items" | "total_cents" | "currency" | "shipping_address">
> & {
  /** What was charged, for the receipt; null if it is not known. */
  readonly card: ChargedCard | null;
};

interface OrderBase {
  readonly order_id: string;
  readonly saga_id: string;
  /** Epoch ms, as is `updated_at`. */
  readonly created_at: number;
  readonly updated_at: number;
}

export type Order = OrderBase &
  (
    | { readonly status: "CONFIRMED" | "SHIPPED" | "DELIVERED"; readonly details: OrderDetails }
    /** Null details: a tombstone, cancelled before it was created. */
    | { readonly status: "CANCELLED"; readonly details: OrderDetails | null }
  );

export interface OrderPolicy {
  /** ISO 3166-1 alpha-2 codes of the countries that the shop does not ship to. */
  readonly blockedCountries: ReadonlySet<string>;
}

export interface Decision {
  /** The saga's order after the decision; the same object if nothing changed. */
  readonly order: Order | null;
  readonly out: readonly Outgoing[];
  /** What an operator must look at, if the command could be neither done nor refused. */
  readonly alert: string | null;
}

/** Decides one command. `order` is null if the saga has none. `now` in epoch ms. */
export function decide(
  order: Order | null,
  command: OrderCommand,
  now: number,
  policy: OrderPolicy,
): Decision {
  switch (command.type) {
    case "CreateOrder":
      return order === null ? create(command, now, policy) : createAgain(order, command);
    case "CancelOrder":
      return order === null ? tombstone(command, now) : cancel(order, command, now);
    default:
      return assertNever(command);
  }
}

function create(command: CreateOrder, now: number, policy: OrderPolicy): Decision {
  const { saga_id, user_id, items, total_cents, currency, shipping_address } = command;
  const card = command.card === undefined ? null : onlyReceipt(command.card);
  const sum = totalCents(items);
  if (sum !== total_cents) {
    const error_message = `the items cost ${sum}, the total is ${total_cents}`;
    return failed(command, "TOTAL_MISMATCH", error_message);
  }
  const { country } = shipping_address;
  if (policy.blockedCountries.has(country)) {
    return failed(command, "ADDRESS_NOT_SERVED", `the shop does not ship to ${country}`);
  }
  const order: Order = {
    order_id: command.message_id,
    saga_id,
    status: "CONFIRMED",
    details: { user_id, items, total_cents, currency, shipping_address, card },
    created_at: now,
    updated_at: now,
  };
  return { order, out: [created(order, order.details)], alert: null };
}

function createAgain(order: Order, command: CreateOrder): Decision {
  switch (order.status) {
    case "CONFIRMED":
    case "SHIPPED":
    case "DELIVERED":
      return { order, out: [created(order, order.details)], alert: null };
    case "CANCELLED": {
      const { saga_id, message_id, type } = command;
      const refused: Outgoing = {
        type: "CommandRefused",
        saga_id,
        command_id: message_id,
        command_type: type,
      };
      return { order, out: [refused], alert: null };
    }
    default:
      return assertNever(order);
  }
}

function tombstone(command: CancelOrder, now: number): Decision {
  const { saga_id, message_id } = command;
  return {
    order: {
      order_id: message_id,
      saga_id,
      status: "CANCELLED",
      details: null,
      created_at: now,
      updated_at: now,
    },
    out: [cancelled(saga_id)],
    alert: null,
  };
}

function cancel(order: Order, command: CancelOrder, now: number): Decision {
  switch (order.status) {
    case "CONFIRMED":
      return {
        order: { ...order, status: "CANCELLED", updated_at: now },
        out: [cancelled(order.saga_id)],
        alert: null,
      };
    case "CANCELLED":
      return { order, out: [cancelled(order.saga_id)], alert: null };
    case "SHIPPED":
    case "DELIVERED":
      if (command.refuse_if_shipped === true)
        return { order, out: [cancelRefused(order, command)], alert: null };
      // This happens only if somebody ships an order before its saga is COMPLETED. No row can undo goods on a lorry.
      // OrderCancelled would refund them, and throwing would only retry this command while the saga sends the next. So there
      // is no reply. The saga repeats the cancel, ever more slowly, and alerts its operator. The operator gets the goods back
      // and sets the order to CONFIRMED, or leaves the saga as it is.
      return {
        order,
        out: [],
        alert: `order ${order.order_id} is ${order.status} but its saga cancels it: an operator must decide about the goods`,
      };
    default:
      return assertNever(order);
  }
}

function failed({ saga_id }: CreateOrder, error_code: FailureCode, error_message: string): Decision {
  return { order: null, out: [{ type: "OrderFailed", saga_id, error_code, error_message }], alert: null };
}

function created({ saga_id, order_id }: Order, { user_id, total_cents }: OrderDetails): Outgoing {
  return { type: "OrderCreated", saga_id, order_id, user_id, total_cents };
}

function cancelled(saga_id: string): Outgoing {
  return { type: "OrderCancelled", saga_id };
}

function cancelRefused({ saga_id, order_id, status }: Order, { idempotency_key }: CancelOrder): Outgoing {
  return { type: "OrderCancelRefused", saga_id, order_id, order_status: status, idempotency_key };
}
