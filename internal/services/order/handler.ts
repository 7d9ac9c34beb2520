// The order service as the message processor runs it: which commands it takes, the rows they touch, and its decision. Wired in cmd/order.
import type { MessageType } from "../../../schemas/registry.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { Handler } from "../../messaging/handler.ts";
import { decide, type OrderPolicy } from "./decide.ts";
import { applyOrder, heldOrders, loadRows, type OrderRows, saveRows } from "./store.ts";

const COMMANDS = ["CreateOrder", "CancelOrder"] as const;
type OrderCommandType = (typeof COMMANDS)[number];

/** An order that stays confirmed after its money went back would be shipped, so a cancel is tried until it works. */
const RETRY_FOREVER: ReadonlySet<MessageType> = new Set<MessageType>(["CancelOrder"]);

export interface OrderHandlerOptions {
  readonly policy: OrderPolicy;
  /** Told what a person must look at, once it is durable. */
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
