// Turns one request into a ledger entry, or refuses it. A refusal changes nothing and is not stored: the key stays free. Pure. Called by
// the simulator at the moment of execution.
import type { PayPalLedgerEntry } from "../../../schemas/paypal-ledger.ts";
import { assertNever } from "../../kernel/errors.ts";
import { randomStream } from "../random.ts";
import { notFound, type Refusal, unprocessable } from "./errors.ts";
import type { Order, PayPalLedger } from "./ledger.ts";
import { hundredths, textOf } from "./money.ts";
import type { PayPalRequest } from "./requests.ts";

export interface Execution {
  readonly seq: number;
  readonly nowMs: number;
  readonly seed: number;
  readonly key: string | null;
  readonly fingerprint: string;
  /** The bank declines whatever asks for money now. */
  readonly declines: boolean;
  readonly isReplyLost: boolean;
}

export type Decision = { readonly entry: PayPalLedgerEntry } | { readonly refusal: Refusal };

/** "Once redirected, the API caller has 3 hours for the payer to approve the order and either authorize or capture the order." */
export const ORDER_LIFE_MS = 3 * 60 * 60 * 1_000;

export function isExpired({ status, createdMs }: Order, nowMs: number): boolean {
  return status !== "COMPLETED" && nowMs >= createdMs + ORDER_LIFE_MS;
}

export function decide(ledger: PayPalLedger, request: PayPalRequest, execution: Execution): Decision {
  switch (request.kind) {
    case "order":
      return { entry: orderEntry(request, execution) };
    case "approval":
    case "intent":
    case "capture":
    case "authorize": {
      const order = ledger.orders.get(request.orderId);
      return order === undefined || isExpired(order, execution.nowMs)
        ? { refusal: notFound() }
        : decideOrder(ledger, order, request, execution);
    }
    case "capture_authorization":
    case "void": {
      const order = ledger.orderOf(request.authorizationId);
      return order === undefined ? { refusal: notFound() } : decideAuthorization(order, request, execution);
    }
    case "refund":
      return decideRefund(ledger, request, execution);
    default:
      return assertNever(request);
  }
}

function orderEntry(
  request: Extract<PayPalRequest, { kind: "order" }>,
  execution: Execution,
): PayPalLedgerEntry {
  const { intent, value, currency, referenceId, customId, invoiceId, returnUrl, cancelUrl } = request;
  return {
    ...base(execution, payPalId("order", execution), customId),
    kind: "order",
    intent,
    value,
    currency,
    reference_id: referenceId,
    invoice_id: invoiceId,
    return_url: returnUrl,
    cancel_url: cancelUrl,
  };
}

type OrderRequest = Extract<PayPalRequest, { kind: "approval" | "intent" | "capture" | "authorize" }>;

function decideOrder(
  ledger: PayPalLedger,
  order: Order,
  request: OrderRequest,
  execution: Execution,
): Decision {
  const common = base(execution, order.id, order.customId);
  const isDone = order.status === "COMPLETED";
  switch (request.kind) {
    case "approval":
      if (isDone) return { refusal: unprocessable("ORDER_ALREADY_COMPLETED") };
      return { entry: { ...common, kind: "approval", answer: request.answer } };
    case "intent":
      if (isDone) return { refusal: unprocessable("ORDER_ALREADY_COMPLETED") };
      return { entry: { ...common, kind: "intent", intent: request.intent } };
    case "capture":
    case "authorize": {
      const isCapture = request.kind === "capture";
      if (isDone)
        return { refusal: unprocessable(isCapture ? "ORDER_ALREADY_CAPTURED" : "ORDER_ALREADY_AUTHORIZED") };
      if (order.intent !== (isCapture ? "CAPTURE" : "AUTHORIZE"))
        return { refusal: unprocessable("ACTION_DOES_NOT_MATCH_INTENT") };
      if (order.status !== "APPROVED") return { refusal: unprocessable("ORDER_NOT_APPROVED") };
      if (ledger.isPaid(order.invoiceId)) return { refusal: unprocessable("DUPLICATE_INVOICE_ID") };
      if (order.declines === "all" || (isCapture && order.declines !== null) || execution.declines)
        return { refusal: unprocessable("INSTRUMENT_DECLINED") };
      const { value, currency } = order;
      if (!isCapture) {
        const authorization = payPalId("authorization", execution);
        return { entry: { ...common, kind: "authorization", authorization, value, currency } };
      }
      const capture = payPalId("capture", execution);
      return { entry: { ...common, kind: "capture", capture, authorization: null, value, currency } };
    }
    default:
      return assertNever(request);
  }
}

function decideAuthorization(
  order: Order,
  request: Extract<PayPalRequest, { kind: "capture_authorization" | "void" }>,
  execution: Execution,
): Decision {
  const { authorization } = order;
  if (authorization === null) return { refusal: notFound() };
  const common = base(execution, order.id, order.customId);
  const { value, currency } = order;
  if (authorization.status === "VOIDED")
    return { refusal: unprocessable(request.kind === "void" ? "PREVIOUSLY_VOIDED" : "AUTHORIZATION_VOIDED") };
  if (authorization.status === "CAPTURED")
    return {
      refusal: unprocessable(
        request.kind === "void" ? "PREVIOUSLY_CAPTURED" : "AUTHORIZATION_ALREADY_CAPTURED",
      ),
    };
  if (request.kind === "void") return { entry: { ...common, kind: "void", authorization: authorization.id } };
  if (order.declines !== null) return { refusal: unprocessable("TRANSACTION_REFUSED") };
  const capture = payPalId("capture", execution);
  return { entry: { ...common, kind: "capture", capture, authorization: authorization.id, value, currency } };
}

function decideRefund(
  ledger: PayPalLedger,
  request: Extract<PayPalRequest, { kind: "refund" }>,
  execution: Execution,
): Decision {
  const capture = ledger.captures.get(request.captureId);
  if (capture === undefined) return { refusal: notFound() };
  const { currency } = capture;
  const left = hundredths(capture.value) - ledger.refundedHundredths(capture.id);
  if (left === 0) return { refusal: unprocessable("CAPTURE_FULLY_REFUNDED") };
  const amount = request.amount === null ? left : hundredths(request.amount.value);
  if (amount > left) return { refusal: unprocessable("REFUND_AMOUNT_EXCEEDED", "/amount/value") };
  const order = ledger.orders.get(capture.orderId);
  return {
    entry: {
      ...base(execution, capture.orderId, order?.customId ?? null),
      kind: "refund",
      custom_id: request.customId,
      capture: capture.id,
      refund: payPalId("refund", execution),
      value: textOf(amount, currency),
      currency,
    },
  };
}

function base(execution: Execution, order: string, saga_id: string | null) {
  return {
    seq: execution.seq,
    at_ms: execution.nowMs,
    order,
    saga_id,
    request_id: execution.key,
    fingerprint: execution.fingerprint,
    reply_lost: execution.isReplyLost,
  };
}

/** Seventeen letters and digits, as PayPal's, unique after restarts and after the ledger is deleted. */
function payPalId(what: string, { nowMs, seq, seed }: Pick<Execution, "nowMs" | "seq" | "seed">): string {
  const chance = randomStream(seed, `${what}/${nowMs}/${seq}`);
  const digits = (value: number, length: number) => value.toString(36).padStart(length, "0").slice(-length);
  return `${digits(nowMs, 9)}${digits(seq, 4)}${digits(Math.floor(chance() * 36 ** 4), 4)}`.toUpperCase();
}
