// A saga in a sentence, and its money in another. Pure. Called by the console.
import { plural } from "../kernel/counted.ts";
import { moneyText } from "../kernel/money.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import type { OpenCancellation } from "./cancellation-store.ts";
import type { HistoryRow, MoneyRow, SagaSummary } from "./saga-store.ts";

/** What a saga waits for in a step, and what has been reached by then. */
const FORWARD: Readonly<Record<string, string>> = {
  reserve: "Waiting for inventory to hold the items",
  charge: "Items are held; waiting for the payment",
  authorize: "Items are held; waiting for the bank to set the amount aside",
  confirm: "Paid; waiting for inventory to confirm the items",
  capture: "Items are confirmed; waiting for the payment service to take the money",
  order: "Paid; waiting for the order service",
};
const CONFIRM_UNPAID = "The amount is set aside at the bank; waiting for inventory to confirm the items";
/** Shown behind the status, which says that it compensates. */
const UNDOING: Readonly<Record<string, string>> = {
  order: "Waiting for the order service to cancel the order",
  charge: "Waiting for the payment service to give the money back, or to make sure that none was taken",
  authorize: "Waiting for the payment service to release the amount at the bank, or to give the money back",
  reserve: "Waiting for inventory to release the items",
};

export interface SagaWords {
  readonly text: string;
  /** Epoch ms since when it waits; null at the end. Sending it again, or asking an operator, does not begin it anew. */
  readonly since: number | null;
  /** How often the undo that it waits for was sent again. */
  readonly resends: number;
  /** What happens by itself, and when; null if nothing does. */
  readonly next: { readonly text: string; readonly at: number } | null;
}

export function wordsOf(saga: SagaSummary, history: readonly HistoryRow[]): SagaWords {
  if (saga.completed_at !== null) return { text: endText(saga), since: null, resends: 0, next: null };
  const { compensation_step, deadline_at } = saga;
  const isForward = compensation_step === null;
  const text = isForward ? forwardText(saga) : (UNDOING[compensation_step] ?? `Undoing ${compensation_step}`);
  const then = isForward ? "it compensates" : "the undo is sent again";
  const last = history.at(-1);
  const stay = history.slice(history.findLastIndex((row) => placeOf(row) !== placeOf(last)) + 1);
  return {
    text,
    since: stay[0]?.at ?? saga.created_at,
    resends: stay.filter(isResend).length,
    next: deadline_at === null ? null : { text: then, at: deadline_at },
  };
}

function forwardText({ status, current_step }: SagaSummary): string {
  if (current_step === "confirm" && status === "INVENTORY_RESERVED") return CONFIRM_UNPAID;
  return FORWARD[current_step] ?? `Waiting in ${current_step}`;
}

/** Step by step, forward and back. */
function placeOf(row: HistoryRow | undefined): string {
  return row === undefined ? "" : `${row.to_status === "COMPENSATING" ? "undo " : ""}${row.step}`;
}

function isResend({ message_type, from_status }: HistoryRow): boolean {
  return message_type === "DeadlinePassed" && from_status === "COMPENSATING";
}

function endText({ status, failure_code, failure_message, order_id }: SagaSummary): string {
  if (status === "COMPLETED")
    return `Completed with order ${order_id === null ? "(unknown)" : orderNumberOf(order_id)}`;
  return `Ended without an order. ${failure_code ?? "UNKNOWN"}: ${failure_message ?? "no message"}`;
}

/** The codes of a refund that gives nothing back (providers of the payment service). */
const FAILED_REFUND = /^REFUND_(FAILED|CANCELED)/;

/** What became of the money. `cancelling`: what the cancellation of its order waits for; null if there is none in progress. */
export function moneyWords(
  rows: readonly MoneyRow[],
  saga: SagaSummary,
  cancelling: OpenCancellation["step"] | null = null,
): string {
  const { currency, total_cents } = saga;
  const payment = rows.find(({ kind }) => kind === "payment");
  const refund = rows.find(({ kind }) => kind === "refund");
  const total = total_cents === null ? "" : ` The total is ${moneyText(total_cents, currency)}.`;
  if (payment === undefined)
    return isChargeOpen(saga)
      ? `A payment was asked for; the payment service has not answered, so it is not known whether money was taken.${total}`
      : `No payment was asked for.${total}`;
  const amount = moneyText(payment.amount_cents, currency);
  if (refund !== undefined) {
    const back = moneyText(refund.amount_cents, currency);
    if (refund.status === "SUCCEEDED") return `${amount} charged, ${back} refunded.`;
    const { error_code } = refund;
    if (FAILED_REFUND.test(error_code ?? ""))
      return `${amount} charged; the refund of ${back} failed at the provider (${error_code}), and no other is requested: a person must find another way.`;
    return refund.provider_id === null
      ? `${amount} charged; a refund of ${back} is open after ${plural(refund.attempts, "attempt")}.`
      : `${amount} charged; the provider has taken on a refund of ${back} and not finished it (${error_code ?? "no reason"}).`;
  }
  switch (payment.status) {
    case "SUCCEEDED":
      return `${amount} charged.${unrefunded(saga, cancelling)}`;
    case "UNKNOWN":
      return `It is not known whether ${amount} were charged; the provider was asked ${plural(payment.attempts, "time")}.`;
    case "PENDING":
      return `${amount} are to be charged; asked ${plural(payment.attempts, "time")}.`;
    case "FAILED":
      return `Nothing was charged: ${payment.error_code ?? "declined"}.${total}`;
    case "CANCELLED":
      return `Nothing was charged: the charge was cancelled.${total}`;
    case "AUTHORIZED":
      return `${amount} are set aside at the bank and not taken.`;
    case "CAPTURE_PENDING":
      return `${amount} are set aside at the bank and about to be taken; asked ${plural(payment.attempts, "time")}.`;
    case "VOID_PENDING":
      return `${amount} were set aside at the bank, and are being released.`;
    default:
      return `Payment of ${amount}: ${payment.status}.`;
  }
}

/** Of money that is to be given back, and for which there is no refund yet. */
function unrefunded(
  { completed_at, compensation_step }: SagaSummary,
  cancelling: OpenCancellation["step"] | null,
): string {
  const step = completed_at === null ? compensation_step : cancelling;
  if (step === "order") return " Not refunded yet: the refund follows once the order is undone.";
  if (step === "refund" || step === "charge" || step === "authorize")
    return " Not refunded yet: the payment service is asked for the refund.";
  return "";
}

/** The command to payment is written with the transition into the step. */
function isChargeOpen({ completed_at, compensation_step, current_step }: SagaSummary): boolean {
  const step = compensation_step ?? current_step;
  return completed_at === null && (step === "charge" || step === "authorize");
}
