// PayPal's Transaction Search as the ledger that reconciliation reads, and the objects of single captures and refunds. Opened in cmd/payment.
// paypal-events.ts uses the two translations too, because an event carries the same objects.
//
// The search lags by up to three hours (paypal-transactions.ts), so reconciliation reads it with that much grace, and what is younger
// is not compared yet. It knows captures, refunds and authorizations: an order without money is in no list of PayPal's. Of an authorization
// it says that there was one, and neither its order nor what became of it since.
import { AppError } from "../../../../kernel/errors.ts";
import type {
  LedgerPage,
  ProviderApproval,
  ProviderCharge,
  ProviderDispute,
  ProviderLedger,
  ProviderRefund,
  Span,
} from "../ledger.ts";
import { fromPayPal } from "./paypal-amounts.ts";
import {
  answerOf,
  authorizationIdOf,
  authorizationIn,
  captureAnswer,
  captureIdOf,
  captureIn,
  chargeIdOf,
  holdAnswer,
  isMarked,
  isOurRefund,
  listedHoldId,
  orderIdIn,
  orderIdOf,
  orderIn,
  type PayPalAuthorization,
  type PayPalCapture,
  type PayPalOrder,
  type PayPalRefund,
  refundIn,
  sagaOf,
} from "./paypal-answers.ts";
import { type PayPalAccount, PayPalClient } from "./paypal-client.ts";
import { disputeIn } from "./paypal-disputes.ts";
import { type Failure, failureCode, unknown } from "./paypal-errors.ts";
import {
  hasMoved,
  isAuthorization,
  isPayment,
  isRefund,
  type PayPalTransaction,
  readTransactions,
  type Unreadable,
} from "./paypal-transactions.ts";

export class PayPalLedger implements ProviderLedger {
  readonly #client: PayPalClient;
  readonly #mark: string;

  constructor({ mark, ...account }: PayPalAccount & { readonly mark: string }) {
    this.#client = new PayPalClient(account);
    this.#mark = mark;
  }

  charges(span: Span, after: string | null): Promise<LedgerPage<ProviderCharge>> {
    return this.#page(span, after, (one) => {
      if (isPayment(one)) return chargeOfTransaction(one, this.#mark);
      return isAuthorization(one) ? holdOfTransaction(one, this.#mark) : null;
    });
  }

  refunds(span: Span, after: string | null): Promise<LedgerPage<ProviderRefund>> {
    return this.#page(span, after, (one) => (isRefund(one) ? refundOfTransaction(one, this.#mark) : null));
  }

  async charge(provider_txn_id: string): Promise<ProviderCharge | null> {
    const authorizationId = authorizationIdOf(provider_txn_id);
    if (authorizationId !== null) return this.#listedHold(authorizationId);
    const orderId = orderIdOf(provider_txn_id);
    const path =
      orderId === null ? `payments/captures/${encodeURIComponent(provider_txn_id)}` : orderPath(orderId);
    const body = await this.#get(`/v2/${path}`);
    if (body === null) return null;
    if (orderId !== null) {
      const order = orderIn(body);
      return known(order === null ? null : chargeOfOrder(order, this.#mark));
    }
    const capture = captureIn(body);
    return known(capture === null ? null : chargeOf(capture, this.#mark));
  }

  /** Under the id of its order, which the payments have. */
  async #listedHold(authorizationId: string): Promise<ProviderCharge | null> {
    const body = await this.#get(`/v2/payments/authorizations/${encodeURIComponent(authorizationId)}`);
    if (body === null) return null;
    const hold = authorizationIn(body);
    const orderId = hold === null ? undefined : orderIdIn(hold);
    if (orderId !== undefined) return this.charge(chargeIdOf({ id: orderId }));
    return known(hold === null ? null : chargeOfHold(hold, this.#mark));
  }

  async refund(provider_refund_id: string): Promise<ProviderRefund | null> {
    const body = await this.#get(`/v2/payments/refunds/${encodeURIComponent(provider_refund_id)}`);
    if (body === null) return null;
    const refund = refundIn(body);
    return known(refund === null ? null : refundOf(refund, this.#mark));
  }

  /** None if PayPal does not show it: a reversal (paypal-disputes.ts) is none to it, and an app may lack the right. A person decides then. */
  async dispute(provider_dispute_id: string): Promise<ProviderDispute | null> {
    const path = `/v1/customer/disputes/${encodeURIComponent(provider_dispute_id)}`;
    const reply = await this.#client.send({ method: "GET", path }, this.#client.deadline());
    if (reply.kind === "answer") return known(disputeIn(reply.body));
    if (reply.kind === "refusal" && NOT_SHOWN.has(reply.status)) return null;
    throw unavailable(reply);
  }

  /** A page of all transactions; `translate` picks from them. `after` is the number of the page before. */
  async #page<Entry>(
    span: Span,
    after: string | null,
    translate: (transaction: PayPalTransaction) => Entry | null,
  ): Promise<LedgerPage<Entry>> {
    const page = Number(after ?? 0) + 1;
    const read = await readTransactions(this.#client, span, page, this.#client.deadline());
    if (read.kind === "too_many") return { entries: [], next: null, isTooLong: true };
    if (read.kind !== "page") throw unavailable(read);
    const entries = read.transactions.map((one) => translate(one)).filter((entry) => entry !== null);
    return { entries, next: read.isLast ? null : String(page) };
  }

  /** Null if PayPal does not know it. */
  async #get(path: string): Promise<unknown> {
    const reply = await this.#client.send({ method: "GET", path }, this.#client.deadline());
    if (reply.kind === "answer") return reply.body;
    if (reply.kind === "refusal" && reply.status === 404) return null;
    throw unavailable(reply);
  }
}

/** HTTP statuses of a request about one object that will not be answered otherwise later. Wrong credentials are not among them. */
const NOT_SHOWN: ReadonlySet<number> = new Set([400, 403, 404, 422]);

/** Null if it is for a currency that we do not know: it cannot be ours. */
export function chargeOf(capture: PayPalCapture, mark: string): ProviderCharge | null {
  const money = fromPayPal(capture.amount);
  if (money === null) return null;
  const orderId = orderIdIn(capture);
  return {
    provider_txn_id: capture.id,
    held_as: orderId === undefined ? null : chargeIdOf({ id: orderId }),
    saga_id: sagaOf(capture),
    isMarked: isMarked(mark, capture),
    ...money,
    answer: captureAnswer(capture),
  };
}

/** Of an order that its shopper approved. */
export function approvalOf(order: PayPalOrder, mark: string): ProviderApproval {
  const [unit = {}] = order.purchase_units;
  return { provider_txn_id: chargeIdOf(order), saga_id: sagaOf(unit), isMarked: isMarked(mark, unit) };
}

/** A charge that took no money yet, or whose money is held; what became of it since is in its answer. */
function chargeOfOrder(order: PayPalOrder, mark: string): ProviderCharge | null {
  const [unit] = order.purchase_units;
  const money = unit?.amount === undefined ? null : fromPayPal(unit.amount);
  if (unit === undefined || money === null) return null;
  const answer = answerOf(order);
  const provider_txn_id = chargeIdOf(order);
  return {
    provider_txn_id,
    saga_id: sagaOf(unit),
    isMarked: isMarked(mark, unit),
    ...money,
    // Approved: nothing was taken before our capture.
    answer:
      answer.kind === "approved" ? { kind: "action_required", provider_txn_id, redirects: true } : answer,
  };
}

/** An authorization that does not name its order. */
function chargeOfHold(hold: PayPalAuthorization, mark: string): ProviderCharge | null {
  const money = hold.amount === undefined ? null : fromPayPal(hold.amount);
  if (money === null) return null;
  const provider_txn_id = listedHoldId(hold.id);
  const answer = holdAnswer(provider_txn_id, hold);
  return { provider_txn_id, saga_id: sagaOf(hold), isMarked: isMarked(mark, hold), ...money, answer };
}

function orderPath(id: string): string {
  return `checkout/orders/${encodeURIComponent(id)}`;
}

export function refundOf(refund: PayPalRefund, mark: string): ProviderRefund | null {
  const money = fromPayPal(refund.amount);
  if (money === null) return null;
  return {
    provider_refund_id: refund.id,
    provider_txn_id: captureIdOf(refund),
    saga_id: sagaOf(refund),
    isMarked: isMarked(mark, refund),
    isRequestedHere: isOurRefund(refund),
    ...money,
    ...refundStatus(REFUND_STATUS.get(refund.status) ?? "pending"),
  };
}

const REFUND_STATUS: ReadonlyMap<string, ProviderRefund["status"]> = new Map([
  ["COMPLETED", "succeeded"],
  ["FAILED", "failed"],
  ["CANCELLED", "failed"],
]);

/** PayPal does not say why a refund is not done. */
function refundStatus(status: ProviderRefund["status"]): Pick<ProviderRefund, "status" | "error_code"> {
  const codes = { succeeded: null, pending: "REFUND_PENDING", failed: "REFUND_FAILED" };
  return { status, error_code: codes[status] };
}

function chargeOfTransaction(transaction: PayPalTransaction, mark: string): ProviderCharge | null {
  const { transaction_id, transaction_status: status } = transaction;
  const fields = fieldsOf(transaction, mark);
  if (fields === null) return null;
  const answer = hasMoved(transaction)
    ? ({ kind: "succeeded", provider_txn_id: transaction_id } as const)
    : status === "D"
      ? captureAnswer({ id: transaction_id, status: "DECLINED", amount: { currency_code: "", value: "" } })
      : unknown("processing");
  // A transaction does not name its order.
  return { provider_txn_id: transaction_id, held_as: null, ...fields, answer };
}

/** One that PayPal did not grant holds nothing. */
function holdOfTransaction(transaction: PayPalTransaction, mark: string): ProviderCharge | null {
  const fields = fieldsOf(transaction, mark);
  if (fields === null || transaction.transaction_status === "D") return null;
  const provider_txn_id = listedHoldId(transaction.transaction_id);
  return { provider_txn_id, ...fields, answer: { kind: "authorized", provider_txn_id }, isStale: true };
}

function refundOfTransaction(transaction: PayPalTransaction, mark: string): ProviderRefund | null {
  const { transaction_id, paypal_reference_id = null, transaction_status: status } = transaction;
  const fields = fieldsOf(transaction, mark);
  if (fields === null) return null;
  const settled = status === "D" ? "failed" : "pending";
  return {
    provider_refund_id: transaction_id,
    provider_txn_id: paypal_reference_id,
    isRequestedHere: isOurRefund({ custom_id: transaction.custom_field ?? "" }),
    ...fields,
    ...refundStatus(hasMoved(transaction) ? "succeeded" : settled),
  };
}

/** A refund has a negative amount. */
function fieldsOf({ custom_field = "", invoice_id, transaction_amount }: PayPalTransaction, mark: string) {
  if (transaction_amount === undefined) return null;
  const { currency_code, value } = transaction_amount;
  const money = fromPayPal({ currency_code, value: value.replace(/^-/, "") });
  if (money === null) return null;
  const marked = isMarked(mark, invoice_id === undefined ? {} : { invoice_id });
  return { saga_id: sagaOf({ custom_id: custom_field }), isMarked: marked, ...money };
}

function known<Entry>(entry: Entry | null): Entry {
  if (entry !== null) return entry;
  throw unavailable({ kind: "unreadable" });
}

function unavailable(failure: Failure | Unreadable): AppError {
  const what = failure.kind === "unreadable" ? "UNREADABLE" : failureCode(failure);
  const debugId = failure.kind === "refusal" ? (failure.debugId ?? "none") : "none";
  const cause = new Error(`${what}, request ${debugId}`);
  const isRefused = failure.kind === "refusal" && [400, 401, 403, 422].includes(failure.status);
  return isRefused
    ? new AppError(
        "PROVIDER_REJECTED",
        "PayPal refuses access to its ledger: check PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET, and that the app may use Transaction Search",
        { cause },
      )
    : new AppError("PROVIDER_UNAVAILABLE", "PayPal's ledger cannot be read at the moment", { cause });
}
