// The order service's handler for the message processor: its commands, the rows they touch, and the decision. Wired in cmd/order.
import type { MessageType } from "../../../schemas/registry.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { Handler } from "../../messaging/handler.ts";
import { decide, type OrderPolicy } from "./decide.ts";
import { applyOrder, heldOrders, loadRows, type OrderRows, saveRows } from "./store.ts";

const COMMANDS = ["CreateOrder", "CancelOrder"] as const;
type OrderCommandType = (typeof COMMANDS)[number];

/** An order that stays confirmed after its refund would be shipped, so a cancel is retried until it succeeds. */
const RETRY_FOREVER: ReadonlySet<MessageType> = new Set<MessageType>(["CancelOrder"]);

export interface OrderHandlerOptions {
  readonly policy: OrderPolicy;
  /** Called with what an operator must look at, after the transaction has committed. */
  readonly alert: (what: string) => void;
}

export function orderHandler({ policy, alert }: OrderHandlerOptions): Handler<OrderCommandType, OrderRows> {
  return {
    service: "order",
    topics: [TOPICS.commands],
    types: COMMANDS,
    retryForever: RETRY_FOREVER,
    eventTopic: TOPICS.orderEvents,

    load: (tx, messages) => loadRows(tx, sagasOf(messages)),

    held: (tx, messages) => heldOrders(tx, sagasOf(messages)),

    decide(rows, message, now) {
      const decision = decide(rows.orders.get(message.saga_id) ?? null, message, now, policy);
      applyOrder(rows, message.saga_id, decision.order);
      if (decision.alert !== null) rows.alerts.push(decision.alert);
      return decision.out;
    },

    save: saveRows,

    committed(rows) {
      for (const what of rows.alerts) alert(what);
    },
  };
}

function sagasOf(messages: readonly { readonly saga_id: string }[]): string[] {
  return [...new Set(messages.map(({ saga_id }) => saga_id))];
}
