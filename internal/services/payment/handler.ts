// The payment service as the message processor runs it: which commands it takes, the rows they touch, and its decision. No provider is
// called in its transaction: a charge is written down there, and asked for when that is committed. Wired in cmd/payment.
import type { MessageType } from "../../../schemas/registry.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { Handler } from "../../messaging/handler.ts";
import { decide } from "./decide.ts";
import type { Executor } from "./attempts/executor.ts";
import { applyPayment, heldPayments, loadRows, type PaymentRows, saveRows } from "./store.ts";

const COMMANDS = ["ChargePayment", "CancelPayment", "RefundPayment"] as const;
type PaymentCommandType = (typeof COMMANDS)[number];

/** Money that is not given back is kept from the shopper, so an undo is tried until it works. */
const RETRY_FOREVER: ReadonlySet<MessageType> = new Set<MessageType>(["CancelPayment", "RefundPayment"]);

export interface PaymentHandlerOptions {
  /** Name of the provider that charges, kept with each payment. */
  readonly provider: string;
  /**
   * Claims new charges in the transaction that takes them in, which spares them one of their own, and asks for them after its commit.
   * Without it they are claimed like all others.
   */
  readonly executor?: Pick<Executor, "claimNew" | "send">;
  /** Called after a commit that may have left the executor something to claim. */
  readonly wakeExecutor: () => void;
}

export function paymentHandler(options: PaymentHandlerOptions): Handler<PaymentCommandType, PaymentRows> {
  return {
    service: "payment",
    topics: [TOPICS.commands],
    types: COMMANDS,
    retryForever: RETRY_FOREVER,
    eventTopic: TOPICS.paymentEvents,
    // Two transactions at once would each claim as many charges as the provider may be asked for at a time.
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
