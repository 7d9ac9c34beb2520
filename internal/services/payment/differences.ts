// Finds differences between the provider ledger and our payments. Pure: takes a part of the ledger and the payments that may belong
// to it. Called by reconciliation/ for pages of the provider's lists, and by webhooks/ for single events.
//
// It settles no difference: if the ledger is right, the next request to the provider settles the payment; if the ledger is wrong, a
// person decides.
import { assertNever } from "../../kernel/errors.ts";
import { moneyText } from "../../kernel/money.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Difference, DifferenceKind } from "./difference.ts";
import { isOutsideRefund } from "./outside-refund.ts";
import { isHeld, type Payment } from "./payment.ts";
import type { ProviderCharge, ProviderDispute, ProviderRefund } from "./providers/ledger.ts";

/** A part of the provider ledger, and the payments for it. */
export interface Comparison {
  readonly charges: readonly ProviderCharge[];
  readonly refunds: readonly ProviderRefund[];
  /** Ids that our payments name and the provider does not know. */
  readonly absentCharges: readonly string[];
  readonly absentRefunds: readonly string[];
  /** Every payment whose saga or charge one of them names. */
  readonly payments: readonly Payment[];
}

/** In the order of the ledger. */
export function differencesOf(comparison: Comparison): readonly Difference[] {
  const { charges, refunds, absentCharges, absentRefunds, payments } = comparison;
  const byCharge = new Map(payments.map((payment) => [chargeIn(payment), payment]));
  const find = paymentFinder(payments);

  /** For each saga, the first charge that took money. */
  const taken = new Map<string | null, string>();
  return [
    ...charges.map((charge) => {
      const { saga_id, provider_txn_id } = charge;
      const payment = find(charge);
      if (charge.answer.kind !== "succeeded" || saga_id === null || isForeign(charge, payment))
        return chargeDifference(charge, payment);
      const first = taken.get(saga_id);
      taken.set(saga_id, first ?? provider_txn_id);
      // The payment does not know yet which charge is its own, but there are certainly two.
      const isSecond =
        first !== undefined &&
        (payment === undefined || chargeIn(payment) === null || hasTaken(charge, payment));
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

/** What names its payment: a charge, a refund or a dispute. */
export type LedgerEntry = Pick<ProviderRefund, "provider_txn_id" | "saga_id" | "isMarked">;

/** Finds the payment with the entry's charge, else the saga's payment. */
export function paymentFinder(payments: readonly Payment[]) {
  const bySaga = new Map(payments.map((payment) => [payment.saga_id, payment]));
  const byCharge = new Map(payments.map((payment) => [chargeIn(payment), payment]));
  return ({ provider_txn_id, saga_id }: LedgerEntry): Payment | undefined =>
    (provider_txn_id === null ? undefined : byCharge.get(provider_txn_id)) ??
    (saga_id === null ? undefined : bySaga.get(saga_id));
}

/** Belongs to another shop on the same account: it has no mark of ours, and no payment matches it. */
export function isForeign(entry: Pick<LedgerEntry, "isMarked">, payment: Payment | undefined): boolean {
  return payment === undefined && !entry.isMarked;
}

/** How many charges and refunds belong to other shops. */
export function countForeign({
  charges,
  refunds,
  payments,
}: Pick<Comparison, "charges" | "refunds" | "payments">): number {
  const find = paymentFinder(payments);
  return [...charges, ...refunds].filter((entry) => isForeign(entry, find(entry))).length;
}

/** `payment` is the one with this charge, else the saga's. */
export function chargeDifference(charge: ProviderCharge, payment: Payment | undefined): Difference | null {
  const { provider_txn_id, saga_id, answer } = charge;
  const differs = (kind: DifferenceKind, detail: string): Difference => ({
    kind,
    subject: provider_txn_id,
    saga_id: payment?.saga_id ?? saga_id,
    detail,
  });
  const named = payment === undefined ? null : chargeIn(payment);
  const isHold = answer.kind === "authorized";
  if (answer.kind !== "succeeded" && !isHold) {
    if (payment === undefined || named !== provider_txn_id) return null;
    return differs("status_differs", `the payment is ${payment.status}, the charge is ${answer.kind}`);
  }
  // What a hold became has an id of its own, and is in the list under it.
  if (named !== provider_txn_id && answer.provider_txn_id !== provider_txn_id) return null;
  const took = `the provider ${isHold ? "holds" : "took"} ${moneyOf(charge)}`;
  if (payment === undefined) {
    return charge.isMarked ? differs("charge_without_payment", `${took}, but there is no payment`) : null;
  }
  if (named !== null && !isItsCharge(charge, payment)) return chargedTwice(charge, named);
  if (payment.saga_id !== saga_id) {
    return differs(
      "saga_differs",
      `the charge names saga ${saga_id ?? "-"}, its payment belongs to saga ${payment.saga_id}`,
    );
  }
  const wrongSum = isSameMoney(charge, payment)
    ? null
    : differs("amount_differs", `${took}, the payment is for ${moneyOf(payment)}`);
  switch (payment.status) {
    case "FAILED":
    case "CANCELLED":
      return differs("status_differs", `${took}, but the payment is ${payment.status}`);
    case "PENDING":
    case "UNKNOWN":
      // Its shopper has confirmed it just now: a charge is compared at an age, and a shopper may take longer. Once it is settled, it is looked up.
      if (payment.action?.provider_txn_id === provider_txn_id) return wrongSum;
      return wrongSum ?? differs("status_differs", `${took}, but the payment is still ${payment.status}`);
    case "AUTHORIZED":
    case "CAPTURE_PENDING":
    case "VOID_PENDING":
      return (
        wrongSum ??
        (isHold ? null : differs("status_differs", `${took}, but the payment is still ${payment.status}`))
      );
    case "SUCCEEDED":
    case "REFUND_PENDING":
    case "REFUNDED":
      return (
        wrongSum ??
        (isHold ? differs("status_differs", `${took}, but the payment is ${payment.status}`) : null)
      );
    default:
      return assertNever(payment);
  }
}

/** `payment` is the one whose charge was refunded, else the saga's. */
export function refundDifference(refund: ProviderRefund, payment: Payment | undefined): Difference | null {
  const { provider_refund_id, provider_txn_id, saga_id, status } = refund;
  const differs = (detail: string, kind: DifferenceKind = "refund_differs"): Difference => ({
    kind,
    subject: provider_refund_id,
    saga_id: payment?.saga_id ?? saga_id,
    detail,
  });
  const isOurs = payment !== undefined && refundIn(payment) === provider_refund_id;
  if (status === "failed") {
    if (payment === undefined || !(isOurs || isFailedHere(payment, provider_refund_id))) return null;
    return refundFailure(payment, provider_refund_id);
  }
  if (status === "pending") return null;
  const elsewhere = refund.isRequestedHere ? "refund_differs" : "refund_elsewhere";
  const refunded = `the provider refunded ${moneyOf(refund)} of charge ${provider_txn_id ?? "-"}`;
  if (payment === undefined) return refund.isMarked ? differs(`${refunded}, but there is no payment`) : null;
  if (chargeIn(payment) !== provider_txn_id) {
    return differs(`${refunded}, the payment's charge is ${chargeIn(payment) ?? "unknown"}`);
  }
  if (payment.status !== "REFUND_PENDING" && payment.status !== "REFUNDED") {
    return differs(
      `${refunded}, but the payment is ${payment.status}: this service did not request it`,
      elsewhere,
    );
  }
  if (payment.status === "REFUNDED" && !isOurs) {
    return differs(`${refunded} again, after ${refundIn(payment) ?? "-"}`, elsewhere);
  }
  if (!isSameMoney(refund, payment))
    return differs(`${refunded}, the payment is for ${moneyOf(payment)}`, elsewhere);
  return payment.status === "REFUNDED" ? null : differs(`${refunded}, but the refund is still pending here`);
}

/** The provider does not give the money back with this refund of the payment. It ends when another refund has succeeded. */
export function refundFailure(payment: Payment, provider_refund_id: string): Difference {
  const why = payment.status === "REFUND_PENDING" ? payment.refund.error_code : null;
  const reason = why === null ? "" : ` (${why})`;
  const before =
    "refund" in payment && payment.refund.reported
      ? ", after it was reported as refunded: the shopper believes it"
      : "";
  return {
    kind: "refund_failed",
    subject: provider_refund_id,
    saga_id: payment.saga_id,
    detail: `the refund of ${moneyOf(payment)} failed at the provider${reason}${before}; no other is requested`,
  };
}

/** Why an alert about a dispute ends. */
export const DISPUTE_WON = "the dispute was won";

/** `payment` is the one with the disputed charge. */
export function disputeDifference(dispute: ProviderDispute, payment: Payment): Difference {
  const { provider_dispute_id, provider_txn_id, status, reason, respond_by } = dispute;
  const what = `${moneyOf(dispute)} of charge ${provider_txn_id ?? "-"} (${reason ?? "no reason"}), the payment is ${payment.status}`;
  const until = respond_by === null ? "" : ` by ${timestampOf(respond_by)}`;
  const details = {
    open: `the shopper disputes ${what}: answer the provider${until}`,
    lost: `the shopper's bank took back ${what}: the dispute is lost`,
    won: `the shopper disputed ${what}: the dispute is won`,
  } as const;
  return {
    kind: "dispute",
    subject: provider_dispute_id,
    saga_id: payment.saga_id,
    detail: details[status],
  };
}

function isFailedHere(payment: Payment, provider_refund_id: string): boolean {
  return payment.status === "REFUND_PENDING" && payment.refund.failed.includes(provider_refund_id);
}

/** Whether a charge or a refund has the payment's full amount. */
export function isSameMoney(
  other: { readonly amount_cents: number; readonly currency: string },
  payment: Payment,
): boolean {
  return other.amount_cents === payment.amount_cents && other.currency === payment.currency;
}

/** The provider's id of the payment's charge; null if it is not known. */
export function chargeIn(payment: Payment): string | null {
  return "provider_txn_id" in payment ? payment.provider_txn_id : null;
}

/** Whether it is the payment's own charge. */
export function isItsCharge(charge: ProviderCharge, payment: Payment): boolean {
  return chargeIn(payment) === charge.provider_txn_id || hasTaken(charge, payment);
}

/** Whether the charge took what the payment still names as held, under an id of its own. */
function hasTaken({ held_as, saga_id }: ProviderCharge, payment: Payment): boolean {
  if (held_as === undefined || !isHeld(payment) || payment.saga_id !== saga_id) return false;
  return held_as === null || held_as === chargeIn(payment);
}

/** The provider's id of the payment's refund; null if it is not known. */
function refundIn(payment: Payment): string | null {
  return payment.status === "REFUNDED" ? payment.refund.provider_refund_id : null;
}

function chargedTwice(charge: ProviderCharge, other: string): Difference {
  const { provider_txn_id, saga_id } = charge;
  const detail = `the provider took ${moneyOf(charge)} in addition to charge ${other}`;
  return { kind: "charged_twice", subject: provider_txn_id, saga_id, detail };
}

function absentCharge(subject: string, payment: Payment | undefined): Difference | null {
  if (payment === undefined) return null;
  const { saga_id, status } = payment;
  const detail = `the payment of ${moneyOf(payment)} is ${status}, but the provider has no such charge`;
  return { kind: "payment_without_charge", subject, saga_id, detail };
}

function absentRefund(subject: string, payment: Payment | undefined): Difference | null {
  if (payment === undefined || isOutsideRefund(subject)) return null;
  const detail = `the refund of ${moneyOf(payment)} is completed here, but the provider has no such refund`;
  return { kind: "refund_differs", subject, saga_id: payment.saga_id, detail };
}

function moneyOf({
  amount_cents,
  currency,
}: {
  readonly amount_cents: number;
  readonly currency: string | null;
}) {
  // A tombstone has no currency and the amount 0.
  return currency === null ? String(amount_cents) : moneyText(amount_cents, currency);
}
