// Renders objects and errors as Stripe's JSON, with every field that a server-side card integration may read. Pure. Called by the server
// for each answer; stored answers are kept as objects and rendered when they are replayed.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import { assertNever } from "../kernel/errors.ts";
import { chargeIdOf, clientSecretOf } from "./ids.ts";
import type { Answer, Dispute, Intent, Refund } from "./ledger.ts";
import { cardOf } from "./payment-methods.ts";

export interface Rendered {
  readonly status: number;
  readonly body: unknown;
}

/** For `withCharge` see `renderIntent`. */
export function renderAnswer(answer: Answer, bankUrl: string, withCharge = false): Rendered {
  switch (answer.kind) {
    case "intent":
      return { status: 200, body: renderIntent(answer.intent, bankUrl, withCharge) };
    case "refund":
      return { status: 200, body: renderRefund(answer.refund) };
    case "error":
      return renderError(answer.error, answer.intent, bankUrl);
    default:
      return assertNever(answer);
  }
}

export function renderError(error: ProviderError, intent: Intent | null = null, bankUrl = ""): Rendered {
  const charge = intent === null ? {} : { charge: chargeIdOf(intent.id) };
  const inner = intent === null ? {} : { payment_intent: renderIntent(intent, bankUrl) };
  return { status: error.status, body: { error: { ...errorBody(error), ...charge, ...inner } } };
}

/** `bankUrl` is where browsers reach the bank's page (bank.ts). `withCharge`: with its charge instead of the charge's id (`expand`). */
export function renderIntent(intent: Intent, bankUrl: string, withCharge = false): Record<string, unknown> {
  const hasCharge = intent.charged || intent.captureBeforeMs !== null || intent.lastError !== null;
  return {
    id: intent.id,
    object: "payment_intent",
    amount: intent.amountCents,
    amount_capturable: intent.status === "requires_capture" ? intent.amountCents : 0,
    amount_details: { tip: {} },
    amount_received: intent.charged ? intent.amountCents : 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: intent.canceledMs === null ? null : seconds(intent.canceledMs),
    cancellation_reason: intent.cancellationReason,
    capture_method: intent.isManual ? "manual" : "automatic",
    client_secret: clientSecretOf(intent.id),
    confirmation_method: "automatic",
    created: seconds(intent.createdMs),
    currency: intent.currency.toLowerCase(),
    customer: null,
    description: intent.description,
    last_payment_error:
      intent.lastError === null ? null : { ...errorBody(intent.lastError), charge: chargeIdOf(intent.id) },
    latest_charge: hasCharge ? (withCharge ? renderCharge(intent) : chargeIdOf(intent.id)) : null,
    livemode: false,
    metadata: intent.metadata,
    next_action: nextActionOf(intent, bankUrl),
    on_behalf_of: null,
    payment_method: intent.paymentMethod,
    payment_method_types: ["card"],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: intent.status,
    transfer_data: null,
    transfer_group: null,
  };
}

/** The card of a declined charge is not known any more, as its method does not stay attached. */
function renderCharge(intent: Intent): Record<string, unknown> {
  const { id, amountCents, charged, currency, createdMs, metadata, paymentMethod, refundedCents } = intent;
  const { captureBeforeMs, status } = intent;
  const isAccepted = charged || captureBeforeMs !== null;
  // Money that was held and released counts as given back.
  const isReleased = status === "canceled" && captureBeforeMs !== null;
  const held = captureBeforeMs === null ? {} : { capture_before: seconds(captureBeforeMs) };
  return {
    id: chargeIdOf(id),
    object: "charge",
    amount: amountCents,
    amount_captured: charged ? amountCents : 0,
    amount_refunded: isReleased ? amountCents : refundedCents,
    captured: charged,
    created: seconds(createdMs),
    currency: currency.toLowerCase(),
    livemode: false,
    metadata,
    paid: isAccepted,
    payment_intent: id,
    payment_method: paymentMethod,
    payment_method_details:
      paymentMethod === null ? null : { type: "card", card: { ...cardDetails(paymentMethod), ...held } },
    refunded: isReleased || (charged && refundedCents === amountCents),
    status: isAccepted ? "succeeded" : "failed",
  };
}

/** Stripe's charge also holds what must not be stored, so this one does, too. */
function cardDetails(paymentMethod: string): Record<string, unknown> {
  return {
    ...cardOf(paymentMethod),
    country: "US",
    exp_month: 12,
    exp_year: 2034,
    fingerprint: "Xt5EWLLDS7FJjR1c",
    funding: "credit",
    wallet: null,
  };
}

function nextActionOf({ id, status, challenge }: Intent, bankUrl: string) {
  if (status !== "requires_action" || challenge === undefined) return null;
  const url = `${bankUrl}/bank/${id}?client_secret=${clientSecretOf(id)}`;
  return { type: "redirect_to_url", redirect_to_url: { return_url: challenge.returnUrl, url } };
}

export function renderRefund(refund: Refund): Record<string, unknown> {
  return {
    id: refund.id,
    object: "refund",
    amount: refund.amountCents,
    balance_transaction: null,
    charge: chargeIdOf(refund.intentId),
    created: seconds(refund.createdMs),
    currency: refund.currency.toLowerCase(),
    metadata: refund.metadata,
    payment_intent: refund.intentId,
    reason: refund.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: refund.status,
    transfer_reversal: null,
    ...(refund.status === "pending" ? { pending_reason: "processing" } : {}),
    ...(refund.failureReason === null ? {} : { failure_reason: refund.failureReason }),
  };
}

export function renderDispute(dispute: Dispute): Record<string, unknown> {
  return {
    id: dispute.id,
    object: "dispute",
    amount: dispute.amountCents,
    balance_transactions: [],
    charge: chargeIdOf(dispute.intentId),
    created: seconds(dispute.createdMs),
    currency: dispute.currency.toLowerCase(),
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: {
      due_by: seconds(dispute.dueByMs),
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    },
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: dispute.intentId,
    reason: dispute.reason,
    status: dispute.status,
  };
}

/** Sets `status` to undefined, which leaves it out of the JSON: it is the HTTP status. */
function errorBody(error: ProviderError): Record<string, unknown> {
  const body = { ...error, status: undefined };
  if (error.code === undefined) return body;
  return { ...body, doc_url: `https://stripe.com/docs/error-codes/${error.code.replaceAll("_", "-")}` };
}

/** Stripe counts whole seconds. */
function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
