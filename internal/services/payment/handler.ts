// The payment service as a message handler: its commands, the rows they touch, and its decisions. It calls no provider inside the
// transaction: a charge is saved there and requested after the commit. Wired in cmd/payment.
import type { MessageType } from "../../../schemas/registry.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { Handler } from "../../messaging/handler.ts";
import { decide } from "./decide.ts";
import type { Executor } from "./attempts/executor.ts";
import { applyPayment, heldPayments, loadRows, type PaymentRows, saveRows } from "./store.ts";

const COMMANDS = ["ChargePayment", "CancelPayment", "RefundPayment"] as const;
type PaymentCommandType = (typeof COMMANDS)[number];

/** An undo that fails keeps the shopper's money, so it is retried until it works. */
const RETRY_FOREVER: ReadonlySet<MessageType> = new Set<MessageType>(["CancelPayment", "RefundPayment"]);

export interface PaymentHandlerOptions {
  /** Name of the provider for new charges; saved with each payment. */
  readonly provider: string;
  /**
   * Claims new charges in the inbox transaction, which avoids a second one, and sends them after the commit. Without it they are
   * claimed like all others.
   */
  readonly executor?: Pick<Executor, "claimNew" | "send">;
  /** Called after a commit that may have left work for the executor. */
  readonly wakeExecutor: () => void;
}

export function paymentHandler(options: PaymentHandlerOptions): Handler<PaymentCommandType, PaymentRows> {
  return {
    service: "payment",
    topics: [TOPICS.commands],
    types: COMMANDS,
    retryForever: RETRY_FOREVER,
    eventTopic: TOPICS.paymentEvents,
    // Two transactions at once would each claim as many charges as the provider may get at a time.
    sharesAcrossSagas: true,

    load: (tx, messages) => loadRows(tx, sagasOf(messages)),

    held: (tx, messages) => heldPayments(tx, sagasOf(messages)),

    decide(rows, message, now) {
      const { payment, out } = decide(rows.payments.get(message.saga_id) ?? null, message, now);
      applyPayment(rows, payment);
      return out;
    },

    save(tx, rows, now) {
      options.executor?.claimNew(rows, now);
      return saveRows(tx, rows, options.provider, now);
    },

    committed(rows) {
      options.executor?.send(rows.claimed);
      if (rows.made.size > rows.claimed.length || rows.changed.size > 0) options.wakeExecutor();
    },
  };
}

function sagasOf(messages: readonly { readonly saga_id: string }[]): string[] {
  return [...new Set(messages.map(({ saga_id }) => saga_id))];
}
