// PayPal as a PaymentProvider: Orders v2 and Payments v2. paypal-client.ts sends, paypal-answers.ts and paypal-errors.ts say what replies
// mean for the money. Opened in cmd/payment; the simulator (internal/paysim/paypal) has the same API.
//
// A charge is an order, and every order waits for its shopper, who approves it at PayPal's page. No money moves by that: it moves when
// this adapter captures the approved order, which a look-up does. The order's id was saved before (the payment waits for its shopper
// under this id), and the capture has one PayPal-Request-Id forever, so an order is captured once, however often it is looked up. If the
// money is only to be held, "authorize" takes the place of that capture, and Payments v2 captures or voids what is held.
import type { Clock } from "../../../../kernel/ports.ts";
import type {
  CaptureRequest,
  CaptureResult,
  ChargeResult,
  ChargeRequest,
  FindRequest,
  FoundAction,
  FoundCharge,
  FoundRefund,
  PaymentProvider,
  RefundResult,
  RefundRequest,
} from "../provider.ts";
import { fromPayPal, toPayPal } from "./paypal-amounts.ts";
import {
  answerOf,
  approvalPage,
  authorizationIn,
  authorizationsOf,
  captureAnswer,
  captureIdOf,
  captureIn,
  chargeIdOf,
  INTENT_OF,
  invoiceIdOf,
  orderIdIn,
  orderIdOf,
  orderIn,
  otherIntent,
  type PayPalCapture,
  type PayPalOrder,
  type PayPalRefund,
  foundRefund,
  isFailedRefund,
  refundAnswer,
  refundCustomId,
  refundIn,
  isOurRefund,
  refundsOf,
} from "./paypal-answers.ts";
import { type PayPalAccount, type PayPalCall, PayPalClient, type Refusal } from "./paypal-client.ts";
import {
  type DeclineReason,
  declineOf,
  type Failure,
  failureCode,
  failureOf,
  HOLD_EXPIRED,
  NO_SHOPPER,
  NOT_CAPTURED,
  unknown,
} from "./paypal-errors.ts";
import { findMovement, TRANSACTION_LAG_MS } from "./paypal-transactions.ts";

/** PayPal keeps the keys of orders for 6 h, those of captures and refunds for 45 days (parameter PayPal-Request-Id of the two APIs). */
export const CREATE_TRUSTED_MS = 5 * 60 * 60 * 1_000;

export interface PayPalOptions extends PayPalAccount {
  /** Saved with every order, so that ours can be told apart in a shared account. */
  readonly mark: string;
  /** From PayPal's page the shopper comes back to `/checkout/SAGA` there. Without it no order is made. */
  readonly shopUrl?: URL;
  readonly clock: Clock;
}

type Read<Found> = Found | Failure | { readonly kind: "unreadable" };

export class PayPalProvider implements PaymentProvider {
  readonly name = "paypal";
  readonly #client: PayPalClient;
  readonly #options: PayPalOptions;

  constructor(options: PayPalOptions) {
    this.#client = new PayPalClient(options);
    this.#options = options;
  }

  async charge(request: ChargeRequest, until?: number): Promise<ChargeResult> {
    const amount = toPayPal(request);
    if ("fault" in amount)
      return { kind: "no_effect", error_code: "AMOUNT_NOT_CHARGEABLE", error_message: amount.fault };
    const { shopUrl } = this.#options;
    if (!request.shopper_present || shopUrl === undefined)
      return { kind: "declined", closed: true, ...NO_SHOPPER };
    const order = await this.#create(request, shopUrl, this.#client.deadline(until));
    if (!("id" in order)) return chargeFailure(order);
    const answer = answerOf(order);
    // The order is captured only once its id is saved.
    return answer.kind === "approved" ? waiting(order) : answer;
  }

  /**
   * PayPal has no search for orders. While it knows the key, the order is asked for again: that makes one if there is none, which nobody
   * can approve, because nobody has its address. Later an order cannot be captured any more (PayPal gives the shopper 3 h), so only
   * a capture or a hold is looked for, in the transactions, which show it after up to 3 h: before that, that there is none, or that one was
   * denied, says nothing. So it is from the start where no orders are made.
   */
  async findCharge(request: FindRequest, until?: number): Promise<FoundCharge> {
    const { saga_id, asked } = request;
    const now = this.#options.clock.now();
    if (this.#options.shopUrl !== undefined && now - asked.firstMs < CREATE_TRUSTED_MS) {
      const result = await this.charge({ ...request, payment_method: "" }, until);
      return result.kind === "no_effect" ? unknown("unexpected") : result;
    }
    const untilMs = Math.min(asked.lastMs + CREATE_TRUSTED_MS, now + 1_000);
    const span = { fromMs: asked.firstMs, untilMs };
    const deadline = this.#client.deadline(until);
    const found = await findMovement(this.#client, saga_id, span, deadline);
    const mayLag = now < asked.lastMs + TRANSACTION_LAG_MS;
    switch (found.kind) {
      case "taken":
        return { kind: "succeeded", provider_txn_id: found.capture };
      case "held":
        return this.#lookUpHold(found.authorization, deadline);
      case "pending":
        return unknown("processing");
      case "denied":
        return mayLag ? unknown("processing") : { kind: "declined", closed: true, ...NOT_CAPTURED };
      case "none":
        return mayLag ? unknown("processing") : { kind: "not_found" };
      case "unreadable":
        return unknown("unexpected");
      case "too_many":
        return unknown("too_many_to_look_through");
      default:
        return failureOf(found);
    }
  }

  async lookUpCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    const deadline = this.#client.deadline(until);
    const orderId = orderIdOf(provider_txn_id);
    if (orderId === null) return this.#lookUpCapture(provider_txn_id, deadline);
    const order = await this.#order(orderId, deadline);
    if (!("id" in order)) return lookUpFailure(order);
    const answer = answerOf(order);
    return answer.kind === "approved" ? this.#complete(order, deadline) : answer;
  }

  async capture(request: CaptureRequest, until?: number): Promise<CaptureResult> {
    const { idempotency_key: key, provider_txn_id } = request;
    const deadline = this.#client.deadline(until);
    const order = await this.#order(orderIdOf(provider_txn_id) ?? provider_txn_id, deadline);
    if (!("id" in order)) return captureFailure(order);
    const [hold] = authorizationsOf(order);
    const before = answerOf(order);
    if (before.kind !== "authorized" || hold === undefined) return captured(before);
    const path = `/v2/payments/authorizations/${encodeURIComponent(hold.id)}/capture`;
    const call = { method: "POST", path, key, body: { final_capture: true } } as const;
    const capture = await this.#read(call, captureIn, deadline);
    if ("id" in capture) {
      const answer = captureAnswer(capture);
      // The hold may still be there: its release shows that.
      return answer.kind === "declined" ? { kind: "declined", ...NOT_CAPTURED } : captured(answer);
    }
    if (capture.kind === "refusal" && capture.status === 422) {
      const reason = captureRefusal(capture);
      if (reason !== null) return reason;
      // Taken or released by another process: the order itself says it.
      const now = await this.#order(order.id, deadline);
      return "id" in now ? captured(answerOf(now)) : captureFailure(now);
    }
    return captureFailure(capture);
  }

  async cancelCharge(provider_txn_id: string, until?: number): Promise<FoundCharge> {
    const deadline = this.#client.deadline(until);
    const orderId = orderIdOf(provider_txn_id);
    if (orderId === null) return this.#lookUpCapture(provider_txn_id, deadline);
    const order = await this.#order(orderId, deadline);
    return "id" in order ? this.#close(order, deadline) : lookUpFailure(order);
  }

  async actionOf(provider_txn_id: string): Promise<FoundAction> {
    const orderId = orderIdOf(provider_txn_id);
    if (orderId === null) return { kind: "none" };
    const order = await this.#order(orderId, this.#client.deadline());
    if (!("id" in order)) {
      const failure = lookUpFailure(order);
      return failure.kind === "not_found" ? { kind: "none" } : failure;
    }
    const url = answerOf(order).kind === "action_required" ? approvalPage(order) : null;
    return url === null ? { kind: "none" } : { kind: "redirect", url };
  }

  async refund(request: RefundRequest, until?: number): Promise<RefundResult> {
    const { idempotency_key, saga_id, provider_txn_id } = request;
    const deadline = this.#client.deadline(until);
    const reply = await this.#client.send(
      {
        method: "POST",
        path: `/v2/payments/captures/${encodeURIComponent(provider_txn_id)}/refund`,
        key: idempotency_key,
        // Without an amount the whole capture is refunded.
        body: { custom_id: refundCustomId(saga_id) },
      },
      deadline,
    );
    if (reply.kind === "answer") {
      const refund = refundIn(reply.body);
      return refund === null ? { kind: "not_yet", error_code: "UNEXPECTED" } : refundAnswer(refund);
    }
    if (reply.kind === "refusal" && reply.issue === "CAPTURE_FULLY_REFUNDED") {
      const found = await this.#findRefund(provider_txn_id, deadline);
      return found.kind === "not_found" ? { kind: "not_yet", error_code: "REFUND_NOT_LISTED" } : found;
    }
    return refundFailure(reply);
  }

  /**
   * Payments v2 does not list the refunds of a capture; its order does. One of ours that failed is found, so that no other is requested; the
   * failure of one that somebody made at PayPal says nothing about ours, and neither does one of a part of the money.
   */
  findRefund(provider_txn_id: string, until?: number): Promise<FoundRefund> {
    return this.#findRefund(provider_txn_id, this.#client.deadline(until));
  }

  async #findRefund(provider_txn_id: string, deadline: AbortSignal): Promise<FoundRefund> {
    const capture = await this.#read(capturePath(provider_txn_id), captureIn, deadline);
    if (!("id" in capture)) return refundFailure(capture);
    const orderId = orderIdIn(capture);
    // Only the capture shows whether anything went back, and PayPal refunds no more than it took.
    const isWhole = capture.status === "COMPLETED";
    if (orderId === undefined)
      return isWhole ? { kind: "not_found" } : { kind: "not_yet", error_code: "ORDER_NOT_NAMED" };
    const order = await this.#order(orderId, deadline);
    if (!("id" in order)) return isWhole && isGone(order) ? { kind: "not_found" } : refundFailure(order);
    return amongRefunds(
      capture,
      refundsOf(order).filter((refund) => captureIdOf(refund) === provider_txn_id),
    );
  }

  #create(request: ChargeRequest, shopUrl: URL, deadline: AbortSignal): Promise<Read<PayPalOrder>> {
    const { saga_id, idempotency_key: key } = request;
    const amount = toPayPal(request);
    const back = new URL(`checkout/${saga_id}`, withSlash(shopUrl));
    const cancelled = new URL(back);
    cancelled.searchParams.set("redirect_status", "failed");
    back.searchParams.set("redirect_status", "approved");
    return this.#read(
      {
        method: "POST",
        path: "/v2/checkout/orders",
        key,
        body: {
          intent: INTENT_OF[request.capture],
          purchase_units: [
            {
              reference_id: request.capture,
              custom_id: saga_id,
              invoice_id: invoiceIdOf(this.#options.mark, saga_id),
              amount: "money" in amount ? amount.money : undefined,
            },
          ],
          // `payment_source.paypal` is its successor, but makes an order PAYER_ACTION_REQUIRED, which a PATCH may not close: PayPal
          // names CREATED and APPROVED.
          application_context: {
            return_url: back.href,
            cancel_url: cancelled.href,
            user_action: "PAY_NOW",
            shipping_preference: "NO_SHIPPING",
          },
        },
      },
      orderIn,
      deadline,
    );
  }

  #order(id: string, deadline: AbortSignal): Promise<Read<PayPalOrder>> {
    return this.#read(orderPath(id), orderIn, deadline);
  }

  /** What became of a hold that the transactions name: they have it, so that PayPal does not know it here proves nothing. */
  async #lookUpHold(id: string, deadline: AbortSignal): Promise<FoundCharge> {
    const path = `/v2/payments/authorizations/${encodeURIComponent(id)}`;
    const hold = await this.#read({ method: "GET", path }, authorizationIn, deadline);
    if (!("id" in hold)) return listedFailure(hold);
    const orderId = orderIdIn(hold);
    if (orderId === undefined) return unknown("unexpected");
    const order = await this.#order(orderId, deadline);
    if (!("id" in order)) return listedFailure(order);
    const answer = answerOf(order);
    return answer.kind === "approved" ? unknown("processing") : answer;
  }

  async #lookUpCapture(id: string, deadline: AbortSignal): Promise<FoundCharge> {
    const capture = await this.#read(capturePath(id), captureIn, deadline);
    return "id" in capture ? captureAnswer(capture) : lookUpFailure(capture);
  }

  /** Takes the money of an approved order, or has it held. */
  async #complete(order: PayPalOrder, deadline: AbortSignal): Promise<FoundCharge> {
    const act = order.intent === INTENT_OF.automatic ? "capture" : "authorize";
    const completed = await this.#read(
      { method: "POST", path: `${orderPath(order.id).path}/${act}`, key: `${order.id}:${act}` },
      orderIn,
      deadline,
    );
    if ("id" in completed) {
      const answer = answerOf(completed);
      return answer.kind === "approved" ? unknown("processing") : answer;
    }
    if (completed.kind === "refusal" && completed.status === 422) {
      const reason = declineOf(completed);
      if (reason !== null) return this.#close(order, deadline, reason);
      // Captured by another process, closed by an undo, not approved any more: the order itself says it.
      const now = await this.#order(order.id, deadline);
      if (!("id" in now)) return lookUpFailure(now);
      const answer = answerOf(now);
      return answer.kind === "approved" ? unknown("processing") : answer;
    }
    return lookUpFailure(completed);
  }

  /**
   * Makes sure that an open order takes no money any more. What PayPal says afterwards counts, whatever became of the request: a capture
   * of another process may have been faster.
   */
  async #close(order: PayPalOrder, deadline: AbortSignal, reason?: DeclineReason): Promise<FoundCharge> {
    const before = answerOf(order);
    if (isOver(before)) return before;
    const reply = await this.#client.send(closingCall(order), deadline);
    if (reply.kind !== "answer" && (reply.kind !== "refusal" || reply.status !== 422))
      return lookUpFailure(reply);
    const closed = await this.#order(order.id, deadline);
    if (!("id" in closed)) return lookUpFailure(closed);
    const after = answerOf(closed);
    if (!isOver(after)) return unknown("processing");
    return after.kind === "declined" && reason !== undefined ? { ...after, ...reason } : after;
  }

  async #read<Found extends object>(
    call: PayPalCall,
    readerOf: (body: unknown) => Found | null,
    deadline: AbortSignal,
  ): Promise<Read<Found>> {
    const reply = await this.#client.send(call, deadline);
    if (reply.kind !== "answer") return reply;
    return readerOf(reply.body) ?? { kind: "unreadable" };
  }
}

type Over = Exclude<ReturnType<typeof answerOf>, { kind: "approved" | "action_required" | "authorized" }>;

/** Whether it can take no money any more, and holds none. What is not known yet cannot be closed either. */
function isOver(answer: ReturnType<typeof answerOf>): answer is Over {
  switch (answer.kind) {
    case "approved":
    case "action_required":
    case "authorized":
      return false;
    case "declined":
      return answer.closed === true;
    default:
      return true;
  }
}

/** What makes sure that an open order takes no money. */
function closingCall(order: PayPalOrder): PayPalCall {
  const [hold] = authorizationsOf(order);
  if (hold !== undefined)
    return {
      method: "POST",
      path: `/v2/payments/authorizations/${encodeURIComponent(hold.id)}/void`,
      key: `${hold.id}:void`,
    };
  const body = [{ op: "replace", path: "/intent", value: otherIntent(order.intent) }];
  return { method: "PATCH", path: orderPath(order.id).path, body };
}

function orderPath(id: string) {
  return { method: "GET", path: `/v2/checkout/orders/${encodeURIComponent(id)}` } as const;
}

function capturePath(id: string) {
  return { method: "GET", path: `/v2/payments/captures/${encodeURIComponent(id)}` } as const;
}

function waiting(order: PayPalOrder) {
  return { kind: "action_required", provider_txn_id: chargeIdOf(order), redirects: true } as const;
}

/** Done when the whole capture went back, with one refund or several: the largest is named. */
function amongRefunds(capture: PayPalCapture, refunds: readonly PayPalRefund[]): FoundRefund {
  const done = refunds
    .filter(({ status }) => status === "COMPLETED")
    .toSorted((one, other) => centsOf(other) - centsOf(one));
  const [largest] = done;
  const returned = done.reduce((sum, refund) => sum + centsOf(refund), 0);
  if (largest !== undefined && returned >= centsOf(capture))
    return { kind: "succeeded", provider_refund_id: largest.id };
  const others = refunds
    .filter(({ status }) => status !== "COMPLETED")
    .filter((refund) => !isFailedRefund(refund) || isOurRefund(refund))
    .map(foundRefund);
  return others.find(({ kind }) => kind !== "failed") ?? others[0] ?? { kind: "not_found" };
}

/** In minor units. Captures and their refunds have one currency. */
function centsOf({ amount }: PayPalCapture | PayPalRefund): number {
  return fromPayPal(amount)?.amount_cents ?? 0;
}

type Unread = Failure | { readonly kind: "unreadable" };

/** An order that was not made takes no money, and one that was made waits for nobody yet. */
function chargeFailure(failure: Unread): ChargeResult {
  if (failure.kind === "unreadable") return unknown("unexpected");
  const reason = failure.kind === "refusal" ? declineOf(failure) : null;
  return reason === null ? failureOf(failure) : { kind: "declined", closed: true, ...reason };
}

function isGone(failure: Unread): boolean {
  return failure.kind === "refusal" && failure.status === 404;
}

/** A failed look-up says nothing about the charge. */
function lookUpFailure(
  failure: Unread,
): Exclude<FoundCharge, { kind: "succeeded" | "authorized" | "declined" | "action_required" }> {
  if (failure.kind === "unreadable") return unknown("unexpected");
  return isGone(failure) ? { kind: "not_found" } : failureOf(failure);
}

function listedFailure(failure: Unread): FoundCharge {
  const result = lookUpFailure(failure);
  return result.kind === "not_found" ? unknown("unexpected") : result;
}

/** What an order or a capture says to whoever wants to take its money. */
function captured(answer: ReturnType<typeof answerOf>): CaptureResult {
  switch (answer.kind) {
    case "succeeded":
    case "declined":
    case "unknown":
      return answer;
    default:
      return unknown("processing");
  }
}

function captureFailure(failure: Unread): CaptureResult {
  const result = lookUpFailure(failure);
  return result.kind === "not_found" ? unknown("unexpected") : result;
}

/** A hold that is over is closed; one that the payer's bank does not honour may still hold the money. Null: the order says it. */
function captureRefusal(refusal: Refusal): CaptureResult | null {
  if (refusal.issue === "AUTHORIZATION_EXPIRED") return { kind: "declined", closed: true, ...HOLD_EXPIRED };
  const reason = declineOf(refusal);
  return reason === null ? null : { kind: "declined", ...reason };
}

function refundFailure(failure: Unread): Exclude<RefundResult, { kind: "succeeded" }> {
  if (failure.kind === "unreadable") return { kind: "not_yet", error_code: "UNEXPECTED" };
  const result = failureOf(failure);
  if (result.kind === "deferred") return result;
  // A refund is refused for many reasons that lie in the capture. Only errors about our credentials or the request are our fault.
  const isOurs = failure.kind === "refusal" && failure.status !== 404 && failure.status !== 422;
  return result.kind === "request_refused" && isOurs
    ? result
    : { kind: "not_yet", error_code: failureCode(failure) };
}

/** A URL is resolved against the folder of its base. */
function withSlash(url: URL): URL {
  return url.pathname.endsWith("/") ? url : new URL(`${url.origin}${url.pathname}/`);
}
