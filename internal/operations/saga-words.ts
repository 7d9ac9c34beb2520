// A saga in a sentence, and its money in another. Pure. Called by the console.
import { moneyText } from "../kernel/money.ts";
import type { MoneyRow, SagaSummary } from "./saga-store.ts";

/** What a saga waits for in a step, and what has been reached by then. */
const FORWARD: Readonly<Record<string, string>> = {
  reserve: "Waiting for inventory to hold the items",
  charge: "Items are held; waiting for the payment",
  confirm: "Paid; waiting for inventory to confirm the items",
  order: "Paid; waiting for the order service",
};
const UNDOING: Readonly<Record<string, string>> = {
  order: "Compensating: waiting for the order service to cancel the order",
  charge:
    "Compensating: waiting for the payment service to give the money back, or to make sure that none was taken",
  reserve: "Compensating: waiting for inventory to release the items",
};

export interface SagaWords {
  readonly text: string;
  /** Epoch ms since when it waits; null at the end. */
  readonly since: number | null;
  /** What happens by itself, and when; null if nothing does. */
  readonly next: { readonly text: string; readonly at: number } | null;
}

/** `lastMovedAt`: epoch ms of the last transition. */
export function wordsOf(saga: SagaSummary, lastMovedAt: number): SagaWords {
  if (saga.completed_at !== null) return { text: endText(saga), since: null, next: null };
  const { compensation_step, current_step, deadline_at } = saga;
  const isForward = compensation_step === null;
  const text = isForward
    ? (FORWARD[current_step] ?? `Waiting in ${current_step}`)
    : (UNDOING[compensation_step] ?? `Undoing ${compensation_step}`);
  const then = isForward ? "it compensates" : "the undo is sent again";
  return {
    text,
    since: lastMovedAt,
    next: deadline_at === null ? null : { text: then, at: deadline_at },
  };
}

function endText({ status, failure_code, failure_message, order_id }: SagaSummary): string {
  if (status === "COMPLETED") return `Completed with order ${order_id ?? "(unknown)"}`;
  return `Ended without an order. ${failure_code ?? "UNKNOWN"}: ${failure_message ?? "no message"}`;
}

/** What became of the money. */
export function moneyWords(rows: readonly MoneyRow[], { currency, total_cents }: SagaSummary): string {
  const payment = rows.find(({ kind }) => kind === "payment");
  const refund = rows.find(({ kind }) => kind === "refund");
  const total = total_cents === null ? "" : ` The total is ${moneyText(total_cents, currency)}.`;
  if (payment === undefined) return `No payment was asked for.${total}`;
  const amount = moneyText(payment.amount_cents, currency);
  if (refund !== undefined) {
    const back = moneyText(refund.amount_cents, currency);
    return refund.status === "SUCCEEDED"
      ? `${amount} charged, ${back} refunded.`
      : `${amount} charged; a refund of ${back} is open after ${refund.attempts} attempts.`;
  }
  switch (payment.status) {
    case "SUCCEEDED":
      return `${amount} charged.`;
    case "UNKNOWN":
      return `It is not known whether ${amount} were charged; the provider was asked ${payment.attempts} times.`;
    case "PENDING":
      return `${amount} are to be charged; asked ${payment.attempts} times.`;
    case "FAILED":
      return `Nothing was charged: ${payment.error_code ?? "declined"}.${total}`;
    case "CANCELLED":
      return `Nothing was charged: the charge was cancelled.${total}`;
    default:
      return `Payment of ${amount}: ${payment.status}.`;
  }
}
