// What the provider's ledger and our payments do not agree on. Pure: a piece of the ledger and the payments that may belong to it
// go in, differences come out. Called by reconciler.ts for pages of the provider's lists, and by ../webhook.ts for single events.
//
// A difference is never settled here: where the ledger are right, asking the provider again settles the payment; where they are
// not what they should be, a person decides.
import { assertNever } from "../../kernel/errors.ts";
import { moneyText } from "../../kernel/money.ts";
import type { Payment } from "./payment.ts";
import type { ProviderCharge, ProviderRefund } from "./providers/ledger.ts";

export const DIFFERENCE_KINDS = [
  /** The provider took money of which we have no payment. */
  "charge_without_payment",
  /** We say paid, and the provider has no such charge. */
  "payment_without_charge",
  /** The provider took money for one saga a second time. */
  "charged_twice",
  /** The charge of one saga's payment names another saga. */
  "saga_differs",
  /** Amount or currency. */
  "amount_differs",
  /** One says that money moved, the other that it did not. */
  "status_differs",
  /** What was given back: unknown to one of the two, of another amount, or failed. */
  "refund_differs",
] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

export interface Difference {
  readonly kind: DifferenceKind;
  /** The provider's id of the charge, or of the refund for `refund_differs`. It has at most one difference at a time. */
  readonly subject: string;
  readonly saga_id: string | null;
  /** For a person: what each side says. */
  readonly detail: string;
}

/** A piece of the provider's ledger beside ours. */
export interface Comparison {
  readonly charges: readonly ProviderCharge[];
  readonly refunds: readonly ProviderRefund[];
  /** Ids that our payments name and the provider does not know. */
  readonly absentCharges: readonly string[];
  readonly absentRefunds: readonly string[];
  /** Every payment whose saga or charge any of them names. */
  readonly payments: readonly Payment[];
}

/** In the order of the ledger. */
export function differencesOf(comparison: Comparison): readonly Difference[] {
  const { charges, refunds, absentCharges, absentRefunds, payments } = comparison;
  const byCharge = new Map(payments.map((payment) => [chargeIn(payment), payment]));
  const find = paymentFinder(payments);

  /** The first charge of each saga that took money. */
  const taken = new Map<string | null, string>();
  return [
    ...charges.map((charge) => {
      const { saga_id, provider_txn_id } = charge;
      const payment = find(charge);
      if (charge.answer.kind !== "succeeded" || saga_id === null || isForeign(charge, payment))
        return chargeDifference(charge, payment);
      const first = taken.get(saga_id);
      taken.set(saga_id, first ?? provider_txn_id);
      // Which of them is the payment's, it does not know yet; that they are two, is certain.
      const isSecond = first !== undefined && (payment === undefined || chargeIn(payment) === null);
      return isSecond ? chargedTwice(charge, first) : chargeDifference(charge, payment);
    }),
    ...refunds.map((refund) => refundDifference(refund, find(refund))),
    ...absentCharges.map((id) => absentCharge(id, byCharge.get(id))),
    ...absentRefunds.map((id) =>
      absentRefund(
        id,
        payments.find((payment) => refundIn(payment) === id),
      ),
    ),
  ].filter((difference) => difference !== null);
}

/** Finds the payment that names an entry's charge, else its saga's. */
export function paymentFinder(payments: readonly Payment[]) {
  const bySaga = new Map(payments.map((payment) => [payment.saga_id, payment]));
  const byCharge = new Map(payments.map((payment) => [chargeIn(payment), payment]));
  return ({ provider_txn_id, saga_id }: ProviderCharge | ProviderRefund): Payment | undefined =>
    (provider_txn_id === null ? undefined : byCharge.get(provider_txn_id)) ??
    (saga_id === null ? undefined : bySaga.get(saga_id));
}

/** Of somebody else with whom the account is shared: no mark of ours, and no payment that knows it. */
export function isForeign(entry: ProviderCharge | ProviderRefund, payment: Payment | undefined): boolean {
  return payment === undefined && !entry.isMarked;
}

/** How many charges and refunds of a piece are somebody else's. */
export function countForeign({
  charges,
  refunds,
  payments,
}: Pick<Comparison, "charges" | "refunds" | "payments">): number {
  const find = paymentFinder(payments);
  return [...charges, ...refunds].filter((entry) => isForeign(entry, find(entry))).length;
}

/** `payment` is the one that names the charge, else the saga's. */
export function chargeDifference(charge: ProviderCharge, payment: Payment | undefined): Difference | null {
  const { provider_txn_id, saga_id, answer } = charge;
  const differs = (kind: DifferenceKind, detail: string): Difference => ({
    kind,
    subject: provider_txn_id,
    saga_id: payment?.saga_id ?? saga_id,
    detail,
  });
  const named = payment === undefined ? null : chargeIn(payment);
  if (answer.kind !== "succeeded") {
    if (payment === undefined || named !== provider_txn_id) return null;
    return differs("status_differs", `the payment is ${payment.status}, the charge ${answer.kind}`);
  }
  const took = `the provider took ${moneyOf(charge)}`;
  if (payment === undefined) {
    return charge.isMarked ? differs("charge_without_payment", `${took}, and there is no payment`) : null;
  }
  if (named !== null && named !== provider_txn_id) return chargedTwice(charge, named);
  if (payment.saga_id !== saga_id) {
    return differs(
      "saga_differs",
      `the charge names the saga ${saga_id ?? "-"}, its payment is of ${payment.saga_id}`,
    );
  }
  switch (payment.status) {
    case "FAILED":
    case "CANCELLED":
      return differs("status_differs", `${took}, and the payment is ${payment.status}`);
    case "PENDING":
    case "UNKNOWN":
      return isSameMoney(charge, payment)
        ? differs("status_differs", `${took}, and the payment is still ${payment.status}`)
        : differs("amount_differs", `${took}, the payment is of ${moneyOf(payment)}`);
    case "SUCCEEDED":
    case "REFUND_PENDING":
    case "REFUNDED":
      return isSameMoney(charge, payment)
        ? null
        : differs("amount_differs", `${took}, the payment is of ${moneyOf(payment)}`);
    default:
      return assertNever(payment);
  }
}

/** `payment` is the one whose charge was given back, else the saga's. */
export function refundDifference(refund: ProviderRefund, payment: Payment | undefined): Difference | null {
  const { provider_refund_id, provider_txn_id, saga_id, status } = refund;
  const differs = (detail: string): Difference => ({
    kind: "refund_differs",
    subject: provider_refund_id,
    saga_id: payment?.saga_id ?? saga_id,
    detail,
  });
  const isOurs = payment !== undefined && refundIn(payment) === provider_refund_id;
  if (status === "failed")
    return isOurs ? differs("the refund is done here and failed at the provider") : null;
  if (status === "pending") return null;
  const gave = `the provider gave ${moneyOf(refund)} of ${provider_txn_id ?? "-"} back`;
  if (payment === undefined) return refund.isMarked ? differs(`${gave}, and there is no payment`) : null;
  if (chargeIn(payment) !== provider_txn_id) {
    return differs(`${gave}, the payment's charge is ${chargeIn(payment) ?? "not known"}`);
  }
  if (payment.status !== "REFUND_PENDING" && payment.status !== "REFUNDED") {
    return differs(`${gave}, and the payment is ${payment.status}: nobody here asked for it`);
  }
  if (payment.status === "REFUNDED" && !isOurs) {
    return differs(`${gave} once more, after ${refundIn(payment) ?? "-"}`);
  }
  if (!isSameMoney(refund, payment)) return differs(`${gave}, the payment is of ${moneyOf(payment)}`);
  return payment.status === "REFUNDED" ? null : differs(`${gave}, and the refund is still pending here`);
}

/** Whether a charge or a refund is of the payment's whole amount. */
export function isSameMoney(
  other: { readonly amount_cents: number; readonly currency: string },
  payment: Payment,
): boolean {
  return other.amount_cents === payment.amount_cents && other.currency === payment.currency;
}

/** The provider's id of the payment's charge; null where it is not known. */
export function chargeIn(payment: Payment): string | null {
  return "provider_txn_id" in payment ? payment.provider_txn_id : null;
}

/** The provider's id of the payment's refund; null where it is not known. */
function refundIn(payment: Payment): string | null {
  return payment.status === "REFUNDED" ? payment.refund.provider_refund_id : null;
}

function chargedTwice(charge: ProviderCharge, other: string): Difference {
  const { provider_txn_id, saga_id } = charge;
  const detail = `the provider took ${moneyOf(charge)} beside the charge ${other}`;
  return { kind: "charged_twice", subject: provider_txn_id, saga_id, detail };
}

function absentCharge(subject: string, payment: Payment | undefined): Difference | null {
  if (payment === undefined) return null;
  const { saga_id, status } = payment;
  const detail = `the payment of ${moneyOf(payment)} is ${status}, and the provider has no such charge`;
  return { kind: "payment_without_charge", subject, saga_id, detail };
}

function absentRefund(subject: string, payment: Payment | undefined): Difference | null {
  if (payment === undefined) return null;
  const detail = `the refund of ${moneyOf(payment)} is done here, and the provider has no such refund`;
  return { kind: "refund_differs", subject, saga_id: payment.saga_id, detail };
}

function moneyOf({
  amount_cents,
  currency,
}: {
  readonly amount_cents: number;
  readonly currency: string | null;
}) {
  // A tombstone has no currency, and the amount 0.
  return currency === null ? String(amount_cents) : moneyText(amount_cents, currency);
}
