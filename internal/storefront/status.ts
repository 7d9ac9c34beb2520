// What a saga's status means to the shopper: which stage the order is in, and what happened to the money. Used by the status page,
// the list of open checkouts and the live updates.
import { type FailureKind, failureKind } from "../../schemas/failures.ts";
import type { CheckoutStatus, OrderStatus } from "./port.ts";

/** The stages of the page, in order. `confirm_at_bank` interrupts `paying`. */
export type Stage =
  | "holding"
  | "paying"
  | "confirm_at_bank"
  | "writing"
  | "confirmed"
  | "shipped"
  | "delivered"
  | "cancelling"
  | "cancelled"
  | "stopping"
  | "not_ordered";

/**
 * What the money sentence says. `asking`: the bank is being asked right now, so neither "charged" nor "not charged" is true.
 * `settled`: nothing is paid in the end, whether it was never taken or has been given back.
 */
export type MoneySentence =
  "none" | "free" | "asking" | "authorized" | "taken" | "returning" | "returned" | "unknown" | "settled";

/** After this the page stops promising seconds. */
const LONGER_THAN_USUAL_MS = 10_000;

/** Refusals of the charge, and everything before it: the money was never touched. */
const NEVER_CHARGED: ReadonlySet<FailureKind> = new Set([
  "price_changed",
  "short_of_stock",
  "not_sold",
  "other_currency",
  "too_large",
  "too_small",
  "odd_amount",
  "no_funds",
  "card_details",
  "card_expired",
  "bank_refused",
  "not_confirmed",
  "not_confirmed_in_time",
  "card_not_accepted",
  "payments_down",
]);

export function isFinished({ status }: CheckoutStatus): boolean {
  return status === "COMPLETED" || status === "COMPENSATED" || status === "FAILED";
}

const STAGE_OF_ORDER: Readonly<Record<OrderStatus, Stage>> = {
  CONFIRMED: "confirmed",
  SHIPPED: "shipped",
  DELIVERED: "delivered",
  CANCELLED: "cancelled",
};

/** `order`: the status of its order, once it is written and known. */
export function stageOf(checkout: CheckoutStatus, order?: OrderStatus): Stage {
  const { status, next_action } = checkout;
  switch (status) {
    case "STARTED":
      return "holding";
    case "INVENTORY_RESERVED":
      return next_action === undefined || next_action === null ? "paying" : "confirm_at_bank";
    case "PAYMENT_CHARGED":
    case "ORDER_CREATED":
      return "writing";
    case "COMPLETED":
      if (isCancelled(checkout, order)) return "cancelled";
      return isCancelling(checkout, order) ? "cancelling" : STAGE_OF_ORDER[order ?? "CONFIRMED"];
    case "COMPENSATING":
      return "stopping";
    default:
      return "not_ordered";
  }
}

/** A finished order is cancelled by a saga of its own, so its checkout stays COMPLETED. Its `money` shows it, too. */
function isCancelled({ status, money }: CheckoutStatus, order?: OrderStatus): boolean {
  return status === "COMPLETED" && (order === "CANCELLED" || money === "returning" || money === "returned");
}

/** Asked for, but the order does not know yet: it may turn out to be on its way. */
export function isCancelling({ cancelling }: CheckoutStatus, order?: OrderStatus): boolean {
  return cancelling === true && (order === undefined || order === "CONFIRMED");
}

/** `order`: as above. */
export function moneySentence(checkout: CheckoutStatus, order?: OrderStatus): MoneySentence {
  const { status, money, total_cents, failure_code } = checkout;
  if (status === "COMPLETED" && total_cents === 0) return "free";
  // The refund of a cancelled order is tried until it works.
  if (isCancelled(checkout, order) && (money === undefined || money === "taken")) return "returning";
  // While the bank is being asked, `none` and `unknown` would both say more than anybody knows.
  if (status === "INVENTORY_RESERVED" && (money === undefined || money === "unknown"))
    return checkout.next_action ? "none" : "asking";
  if (money !== undefined) return money;
  switch (status) {
    case "STARTED":
      return "none";
    case "PAYMENT_CHARGED":
    case "ORDER_CREATED":
    case "COMPLETED":
      return "taken";
    case "COMPENSATED":
      return NEVER_CHARGED.has(failureKind(failure_code ?? "")) ? "none" : "settled";
    default:
      return NEVER_CHARGED.has(failureKind(failure_code ?? "")) ? "none" : "unknown";
  }
}

/** `now` in epoch ms. */
export function takesLong(checkout: CheckoutStatus, now: number): boolean {
  if (isFinished(checkout) || stageOf(checkout) === "confirm_at_bank") return false;
  return now - Date.parse(checkout.created_at) > LONGER_THAN_USUAL_MS;
}

/** Two views with the same text look the same on the page. */
export function viewVersion(checkout: CheckoutStatus, now: number): string {
  const { status, failure_code, money = "", next_action, order_id } = checkout;
  const parts = [status, failure_code, money, next_action?.expires_at, order_id, takesLong(checkout, now)];
  return Bun.hash(parts.join("|")).toString(36);
}
