// The payment service as a message handler: its commands, the rows they touch, and its decisions. It calls no provider inside the
// transaction: a charge is saved there and requested after the commit. Wired in cmd/payment.
import type { MessageType } from "../../../schemas/registry.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { Handler } from "../../messaging/handler.ts";
import { decide } from "./decide.ts";
import type { Executor } from "./attempts/executor.ts";
import { applyPayment, heldPayments, loadRows, type PaymentRows, saveRows } from "./store.ts";

const COMMANDS = [
  "ChargePayment",
  "AuthorizePayment",
  "CapturePayment",
  "CancelPayment",
  "RefundPayment",
] as const;
type PaymentCommandType = (typeof COMMANDS)[number];

/** An undo that fails keeps the shopper's money, so it is retried until it works. */
const RETRY_FOREVER: ReadonlySet<MessageType> = new Set<MessageType>(["CancelPayment", "RefundPayment"]);

export interface PaymentHandlerOptions {
  /** Whether there is a provider of this name. */
  readonly serves: (provider: string) => boolean;
  /**
   * Of each provider: claims new requests in the inbox transaction, which avoids a second one, and sends them after the commit. Without
   * them all requests are claimed by the executors' own rounds.
   */
  readonly executors?: readonly Pick<Executor, "claimNew" | "send">[];
  /** Called after a commit that may have left work for the executor. */
  readonly wakeExecutor: () => void;
}

export function paymentHandler({
  serves,
  executors = [],
  wakeExecutor,
}: PaymentHandlerOptions): Handler<PaymentCommandType, PaymentRows> {
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
      const { payment, out } = decide(rows.payments.get(message.saga_id) ?? null, message, now, serves);
      applyPayment(rows, payment);
      return out;
    },

    save(tx, rows, now) {
      for (const executor of executors) executor.claimNew(rows, now);
      return saveRows(tx, rows, now);
    },

    committed(rows) {
      for (const executor of executors) executor.send(rows.claimed);
      if (rows.made.size + rows.changed.size > rows.claimed.length) wakeExecutor();
    },
  };
}

function sagasOf(messages: readonly { readonly saga_id: string }[]): string[] {
  return [...new Set(messages.map(({ saga_id }) => saga_id))];
}
