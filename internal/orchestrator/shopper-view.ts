// The parts of a saga's status that only shoppers need: where the money is, what they have to do, whether they may try again. Pure;
// called by status-store.ts.
import { isRetryable } from "../../schemas/failures.ts";
import type { MoneyState, NextAction, SagaStatus, SagaStatusView, ShortLine } from "../../schemas/http.ts";
import { assertNever } from "../kernel/errors.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { CancellationStep } from "./order-cancellation.ts";
import { indexOf, paymentIndex, rowOf, type Step, tableOf } from "./steps.ts";

/** The columns of a saga that these parts are made of; times in epoch ms. */
export interface ShopperFacts {
  readonly table_version: number;
  readonly status: SagaStatus;
  readonly current_step: Step;
  readonly compensation_step: Step | null;
  readonly failure_code: string | null;
  readonly total_cents: number | null;
  readonly payment_succeeded: boolean;
  readonly action_expires_at: number | null;
  readonly action_latest_at: number | null;
  readonly deadline_at: number | null;
  readonly lines_short: readonly ShortLine[] | null;
  /** How far the cancellation of the finished order is; null without one, and for one that was refused. */
  readonly cancellation_step: CancellationStep | null;
}

export type ShopperView = Pick<
  SagaStatusView,
  "money" | "next_action" | "deadline_at" | "retryable" | "lines_short" | "cancelling" | "new_total_cents"
>;

export function shopperView(facts: ShopperFacts): ShopperView {
  const { status, failure_code, total_cents, action_expires_at, deadline_at, lines_short } = facts;
  const isForward = failure_code === null && status !== "COMPLETED";
  const isWaiting =
    isForward && action_expires_at !== null && rowOf(tableOf(facts), facts.current_step).mayAskShopper;
  return {
    money: moneyOf(facts),
    ...(isWaiting ? { next_action: nextAction(action_expires_at, facts) } : {}),
    // The time of a compensation only says when its undo is sent again.
    ...(isForward && deadline_at !== null ? { deadline_at: timestampOf(deadline_at) } : {}),
    // Not before the money is settled: until then nobody should pay again.
    ...(failure_code === null ? {} : { retryable: status === "COMPENSATED" && isRetryable(failure_code) }),
    ...(lines_short === null ? {} : { lines_short: [...lines_short] }),
    ...(facts.cancellation_step === "order" ? { cancelling: true } : {}),
    ...(failure_code === "PRICE_CHANGED" && total_cents !== null ? { new_total_cents: total_cents } : {}),
  };
}

function nextAction(expiresAt: number, { action_latest_at }: ShopperFacts): NextAction {
  const extendable = action_latest_at !== null && action_latest_at > expiresAt;
  return { kind: "redirect", expires_at: timestampOf(expiresAt), ...(extendable ? { extendable } : {}) };
}

/** What is known for certain; "unknown" while money may be held or taken, or may have been. */
function moneyOf(facts: ShopperFacts): MoneyState {
  const { status, compensation_step, total_cents, payment_succeeded, cancellation_step } = facts;
  const isFree = total_cents === 0;
  switch (status) {
    case "STARTED":
      return "none";
    case "INVENTORY_RESERVED":
      return isFree ? "none" : moneyUnsettled(facts);
    case "PAYMENT_CHARGED":
    case "ORDER_CREATED":
      return isFree ? "none" : "taken";
    case "COMPLETED":
      return isFree ? "none" : moneyOfFinished(cancellation_step);
    case "COMPENSATING":
      // The undo of the payment is over when the stock is released.
      if (compensation_step === "reserve") return payment_succeeded ? "returned" : "none";
      if (payment_succeeded) return "returning";
      return isFree ? "none" : moneyUnsettled(facts);
    case "COMPENSATED":
      return payment_succeeded ? "returned" : "none";
    // A person has closed it by hand, and knows more than this table.
    case "FAILED":
      return "unknown";
    default:
      return status satisfies never;
  }
}

/** Between the first command to payment and the news that the money is taken. An amount that is held is no money taken. */
function moneyUnsettled({ table_version, current_step }: ShopperFacts): MoneyState {
  const table = tableOf({ table_version });
  const [at, payment] = [indexOf(table, current_step), paymentIndex(table)];
  if (at < payment) return "none";
  const capture = table.findIndex(({ command }) => command === "CapturePayment");
  return at > payment && at < capture ? "authorized" : "unknown";
}

/** A finished order is refunded once it is certain that its parcel is not on its way (order-cancellation.ts). */
function moneyOfFinished(cancellation: CancellationStep | null): MoneyState {
  switch (cancellation) {
    case null:
    case "order":
      return "taken";
    case "refund":
      return "returning";
    case "release":
      return "returned";
    default:
      return assertNever(cancellation);
  }
}
