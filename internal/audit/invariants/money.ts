// The provider's ledger against sagas and against the payments table. The provider is always right.
import { moneyText } from "../../kernel/money.ts";
import type { Movement, PaymentFacts, SagaCase } from "../facts.ts";
import { type Invariant, ofEachSaga, ofFinishedSagas } from "../invariant.ts";

/** A payment in one of these statuses is not settled. */
const UNSETTLED = new Set([
  "PENDING",
  "UNKNOWN",
  "AUTHORIZED",
  "CAPTURE_PENDING",
  "VOID_PENDING",
  "REFUND_PENDING",
]);

export const money: readonly Invariant[] = [
  ofEachSaga(
    "charged-at-most-once",
    "No saga is charged twice, and no money is held for it twice, even if it is given back.",
    function* ({ movements, holds }) {
      const charges = movements.filter(isCharge);
      if (charges.length > 1)
        yield `charged ${charges.length} times: ${charges.map(transactionOf).join(", ")}`;
      if (holds.length > 1)
        yield `held ${holds.length} times: ${holds.map(({ transaction_id }) => transaction_id).join(", ")}`;
    },
  ),
  ofEachSaga(
    "nothing-stays-held",
    "The provider holds no money on a shopper's card for a finished saga: it was captured or released.",
    function* ({ isJudged, saga, holds }) {
      if (!isJudged) return;
      for (const { end, transaction_id, amount_cents, currency } of holds) {
        if (end === "open")
          yield `the provider still holds ${moneyText(amount_cents, currency)} with ${transaction_id}, the saga is ${saga.status}`;
      }
    },
  ),
  ofEachSaga(
    "captured-after-confirmed",
    "Money that was to be held first is held first, and captured only after the saga's stock was confirmed.",
    function* ({ isJudged, saga, holds, movements }) {
      if (!isJudged) return;
      const messages = saga.way.map(({ message }) => message);
      const held = new Set(holds.map(({ transaction_id }) => transaction_id));
      for (const { transaction_id } of messages.includes("PaymentAuthorized")
        ? movements.filter(isCharge)
        : [])
        if (!held.has(transaction_id)) yield `${transaction_id} was charged without having been held`;
      const captured = holds.filter(({ end }) => end === "captured");
      if (captured.length === 0) return;
      const [confirmed, taken] = [
        messages.indexOf("ReservationConfirmed"),
        messages.indexOf("PaymentSucceeded"),
      ];
      const ids = captured.map(({ transaction_id }) => transaction_id).join(", ");
      if (confirmed === -1) yield `${ids} was captured, but the stock was never confirmed`;
      else if (taken !== -1 && taken < confirmed) yield `${ids} was captured before the stock was confirmed`;
    },
  ),
  ofFinishedSagas(
    "completed-is-paid",
    "The provider holds exactly the total of a completed saga, in its currency, and has no charge for a total of zero.",
    "completed",
    function* ({ saga, movements }) {
      const net = netOf(movements, saga.currency);
      const text = (cents: number) => moneyText(cents, saga.currency);
      if (net !== (saga.total_cents ?? 0))
        yield `the provider holds ${text(net)}, the saga's total is ${text(saga.total_cents ?? 0)}`;
      if (saga.total_cents === 0 && movements.length > 0)
        yield `the provider was asked for money although the total is ${text(0)}`;
      for (const { currency, transaction_id } of movements) {
        if (currency !== saga.currency)
          yield `${transaction_id} is in ${currency}, the saga in ${saga.currency}`;
      }
    },
  ),
  ofFinishedSagas(
    "undone-costs-nothing",
    "The provider holds no money of a saga that finished without completing.",
    "undone",
    function* ({ saga, movements }) {
      for (const currency of new Set(movements.map((one) => one.currency))) {
        const net = netOf(movements, currency);
        if (net !== 0) yield `the provider holds ${moneyText(net, currency)}, the saga is ${saga.status}`;
      }
    },
  ),
  ofEachSaga(
    "payments-agree-with-provider",
    "Every payment and refund of a finished saga is settled and matches the provider's ledger, and the ledger has no others.",
    function* (one) {
      if (!one.isJudged) return;
      if (one.payments.length > 1) yield `it has ${one.payments.length} payments instead of at most one`;
      for (const payment of one.payments) yield* paymentFaults(payment, one);
      for (const charge of one.movements.filter(isCharge)) {
        const isKnown = one.payments.some((payment) => payment.provider_txn_id === charge.transaction_id);
        if (!isKnown)
          yield `the provider's charge ${charge.transaction_id} of ${moneyOf(charge)} has no payment`;
      }
    },
  ),
];

function* paymentFaults(payment: PaymentFacts, { saga, movements }: SagaCase): Iterable<string> {
  const { payment_id, status, amount_cents, provider_txn_id } = payment;
  const currency = payment.currency ?? saga.currency;
  const text = (cents: number) => moneyText(cents, currency);
  if (currency !== saga.currency)
    yield `payment ${payment_id} is in ${currency}, the saga in ${saga.currency}`;
  if (UNSETTLED.has(status)) yield `payment ${payment_id} is ${status} although its saga is finished`;
  if (payment.refunds.length > 1)
    yield `payment ${payment_id} has ${payment.refunds.length} refunds instead of at most one`;

  const charge = movements.find((one) => isCharge(one) && one.transaction_id === provider_txn_id);
  // A total of zero needs no charge.
  const wantsCharge = (status === "SUCCEEDED" || status === "REFUNDED") && amount_cents > 0;
  if (wantsCharge && charge === undefined) {
    yield `payment ${payment_id} is ${status} with charge ${provider_txn_id}, which the provider does not know`;
  }
  if (charge !== undefined && (charge.amount_cents !== amount_cents || charge.currency !== currency)) {
    yield `payment ${payment_id} is ${text(amount_cents)}, the provider's charge is ${moneyOf(charge)}`;
  }
  if (charge !== undefined && (status === "FAILED" || status === "CANCELLED")) {
    yield `payment ${payment_id} is ${status}, the provider charged ${moneyOf(charge)}`;
  }

  const refunds = movements.filter(
    (one) => one.kind === "refund" && one.transaction_id === provider_txn_id && one.currency === currency,
  );
  const refunded = refunds.reduce((sum, one) => sum + one.amount_cents, 0);
  const shouldBeRefunded = status === "REFUNDED" ? amount_cents : 0;
  if (!UNSETTLED.has(status) && refunded !== shouldBeRefunded) {
    yield `payment ${payment_id} is ${status}, the provider refunded ${text(refunded)} of ${text(amount_cents)}`;
  }
  for (const refund of payment.refunds) {
    const isKnown = refunds.some(({ refund_id }) => refund_id === refund.provider_refund_id);
    if (refund.status !== "SUCCEEDED")
      yield `refund ${refund.refund_id} is ${refund.status} although its saga is finished`;
    else if (!isKnown && refund.amount_cents > 0) {
      yield `refund ${refund.refund_id} is ${refund.provider_refund_id}, which the provider does not know`;
    }
  }
}

/** The shopper's money in this currency that the provider holds, in minor units. Sums of different currencies mean nothing. */
function netOf(movements: readonly Movement[], currency: string): number {
  return movements
    .filter((one) => one.currency === currency)
    .reduce((sum, one) => sum + (isCharge(one) ? one.amount_cents : -one.amount_cents), 0);
}

function moneyOf({ amount_cents, currency }: Movement): string {
  return moneyText(amount_cents, currency);
}

function isCharge(movement: Movement): boolean {
  return movement.kind === "charge";
}

function transactionOf(movement: Movement): string {
  return movement.transaction_id;
}
