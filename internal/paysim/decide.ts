// Turns one request into a ledger entry. The entry is the whole outcome; applying it to the ledger gives the answer. Pure: sequence
// number, time and fault are arguments. Called by the simulator at the moment of execution.
import type { ProviderError, ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { decimalText } from "./currencies.ts";
import {
  alreadyRefunded,
  chargeDisputed,
  API_ERROR,
  notCancelable,
  notCapturable,
  notConfirmable,
  noSuch,
  nothingToRefund,
  refundTooLarge,
} from "./errors.ts";
import type { Fault } from "./faults.ts";
import { chargeIdOf, objectId } from "./ids.ts";
import type { Intent, Ledger } from "./ledger.ts";
import { disputesOf } from "./aftermath.ts";
import {
  aftermathOf,
  AUTHENTICATION_FAILED,
  authenticationRequired,
  captureDeclineOf,
  challengeOf,
  declineOf,
  genericDecline,
  isEndingHold,
} from "./payment-methods.ts";
import type {
  CancelIntent,
  CaptureIntent,
  ConfirmAction,
  CreateIntent,
  CreateRefund,
  ProviderRequest,
} from "./requests.ts";
import { assertNever } from "../kernel/errors.ts";

export interface Execution {
  readonly seq: number;
  readonly nowMs: number;
  readonly seed: number;
  readonly key: string | null;
  readonly fingerprint: string;
  readonly fault: Fault | null;
}

/** `error`: refused before execution, nothing enters the ledger or is stored. */
export type Decision = { readonly entry: ProviderLedgerEntry } | { readonly error: ProviderError };

/** Faults that hide every answer from the client; `error_after` hides only a success. */
const NO_ANSWER: ReadonlySet<Fault | null> = new Set<Fault>(["timeout_after", "reply_lost"]);

export function decide(ledger: Ledger, request: ProviderRequest, execution: Execution): Decision {
  switch (request.kind) {
    case "create":
      return { entry: decideCreate(request, execution) };
    case "confirm":
      return decideConfirm(ledger.intents.get(request.intentId), request, execution);
    case "capture":
      return decideCapture(ledger.intents.get(request.intentId), request, execution);
    case "cancel":
      return decideCancel(ledger.intents.get(request.intentId), request, execution);
    case "refund":
      return decideRefund(ledger, request, execution);
    default:
      return assertNever(request);
  }
}

function decideCreate(request: CreateIntent, execution: Execution): ProviderLedgerEntry {
  const common = base(execution, request.metadata["saga_id"] ?? null);
  if (execution.fault === "error_stored") {
    return { ...common, kind: "refusal", payment_intent: null, error: API_ERROR };
  }
  const intent = {
    payment_intent: objectId("pi", execution),
    amount_cents: request.amountCents,
    currency: request.currency,
    payment_method: request.paymentMethod,
    description: request.description,
    metadata: request.metadata,
    ...(request.isManual ? MANUAL : {}),
  };
  const decline = execution.fault === "decline" ? genericDecline() : declineOf(request.paymentMethod ?? "");
  if (request.confirm && decline !== null) return { ...common, ...intent, kind: "decline", error: decline };
  if (request.confirm && challengeOf(request.paymentMethod ?? "") !== null) {
    // Without an address to come back to there is no page to go to.
    if (request.errorOnAction || request.returnUrl === null)
      return { ...common, ...intent, kind: "decline", error: authenticationRequired() };
    const asked = { ...success(execution, common.saga_id), ...intent };
    return { ...asked, kind: "action", return_url: request.returnUrl };
  }
  const done = { ...success(execution, common.saga_id), ...intent };
  if (!request.confirm) return { ...done, kind: "intent" };
  return request.isManual
    ? { ...done, kind: "hold", capture_before_ms: captureBefore(request.paymentMethod ?? "", execution) }
    : { ...done, kind: "charge" };
}

/** https://docs.stripe.com/payments/place-a-hold-on-a-payment-method: for most cards. */
const HELD_MS = 7 * 24 * 60 * 60 * 1_000;
const MANUAL = { capture_method: "manual" } as const;

function captureBefore(paymentMethod: string, { nowMs }: Execution): number {
  return isEndingHold(paymentMethod) ? nowMs : nowMs + HELD_MS;
}

/** The bank's page: no key, and no answer that could be lost. A shopper may try again after a refusal, until the intent is cancelled. */
function decideConfirm(intent: Intent | undefined, request: ConfirmAction, execution: Execution): Decision {
  if (intent?.challenge === undefined) {
    return { error: noSuch("payment_intent", request.intentId, "intent", 404) };
  }
  const { paymentMethod } = intent.challenge;
  if (intent.status !== "requires_action" && intent.status !== "requires_payment_method")
    return { error: notConfirmable(intent.status) };
  const entry = { ...base(execution, intent.metadata["saga_id"] ?? null), ...again(intent, paymentMethod) };
  if (!request.isConfirmed) return { entry: { ...entry, kind: "decline", error: AUTHENTICATION_FAILED } };
  if (challengeOf(paymentMethod) === "declines")
    return { entry: { ...entry, kind: "decline", error: genericDecline() } };
  return intent.isManual
    ? { entry: { ...entry, kind: "hold", capture_before_ms: captureBefore(paymentMethod, execution) } }
    : { entry: { ...entry, kind: "charge" } };
}

/** What an entry says about an intent that is there already. */
function again(intent: Intent, paymentMethod: string | null) {
  return {
    payment_intent: intent.id,
    amount_cents: intent.amountCents,
    currency: intent.currency,
    payment_method: paymentMethod,
    description: intent.description,
    metadata: intent.metadata,
    ...(intent.isManual ? MANUAL : {}),
  };
}

function decideCapture(intent: Intent | undefined, request: CaptureIntent, execution: Execution): Decision {
  if (intent === undefined) {
    return { error: noSuch("payment_intent", request.intentId, "intent", 404) };
  }
  const refusal = refuse(intent, execution);
  if (execution.fault === "error_stored") return refusal(API_ERROR);
  if (intent.status !== "requires_capture") return refusal(notCapturable(intent.status));
  const decline = captureDeclineOf(intent.paymentMethod ?? "");
  if (decline !== null) return refusal(decline);
  const common = success(execution, intent.metadata["saga_id"] ?? null);
  return { entry: { ...common, ...again(intent, intent.paymentMethod), kind: "charge" } };
}

function decideCancel(intent: Intent | undefined, request: CancelIntent, execution: Execution): Decision {
  if (intent === undefined) {
    return { error: noSuch("payment_intent", request.intentId, "intent", 404) };
  }
  const refusal = refuse(intent, execution);
  if (execution.fault === "error_stored") return refusal(API_ERROR);
  if (intent.status === "succeeded" || intent.status === "canceled") {
    return refusal(notCancelable(intent.status));
  }
  const common = success(execution, intent.metadata["saga_id"] ?? null);
  return { entry: { ...common, kind: "cancel", payment_intent: intent.id, reason: request.reason } };
}

function decideRefund(ledger: Ledger, request: CreateRefund, execution: Execution): Decision {
  const intent = ledger.intents.get(request.intentId);
  const isDisputed = disputesOf(ledger, request.intentId).some(({ status }) => status !== "won");
  if (intent === undefined) {
    return { error: noSuch("payment_intent", request.intentId, "payment_intent", 400) };
  }
  const refusal = refuse(intent, execution);
  if (execution.fault === "error_stored") return refusal(API_ERROR);
  if (!intent.charged) return refusal(nothingToRefund(intent.id));
  if (isDisputed) return refusal(chargeDisputed(chargeIdOf(intent.id)));
  const leftCents = intent.amountCents - intent.refundedCents;
  if (leftCents === 0) return refusal(alreadyRefunded(chargeIdOf(intent.id)));
  const amountCents = request.amountCents ?? leftCents;
  const text = (amount: number) => decimalText(amount, intent.currency);
  if (amountCents > leftCents) return refusal(refundTooLarge(text(amountCents), text(leftCents)));
  return {
    entry: {
      ...success(execution, request.metadata["saga_id"] ?? intent.metadata["saga_id"] ?? null),
      kind: isPendingRefund(intent) ? "refund_pending" : "refund",
      payment_intent: intent.id,
      refund: objectId("re", execution),
      amount_cents: amountCents,
      currency: intent.currency,
      reason: request.reason,
      metadata: request.metadata,
    },
  };
}

function isPendingRefund({ paymentMethod }: Intent): boolean {
  return aftermathOf(paymentMethod ?? "")?.startsWith("refund_pending") === true;
}

/** Executed, refused and stored: a repeat with the same key gets the same refusal. */
function refuse(intent: Intent, execution: Execution): (error: ProviderError) => Decision {
  const common = base(execution, intent.metadata["saga_id"] ?? null);
  return (error) => ({ entry: { ...common, kind: "refusal", payment_intent: intent.id, error } });
}

/** The common fields of a request that succeeded, whose success `error_after` hides. */
function success(execution: Execution, sagaId: string | null) {
  const common = base(execution, sagaId);
  return execution.fault === "error_after" ? { ...common, reply_lost: true, error: API_ERROR } : common;
}

function base(execution: Execution, sagaId: string | null) {
  return {
    seq: execution.seq,
    at_ms: execution.nowMs,
    saga_id: sagaId,
    idempotency_key: execution.key,
    fingerprint: execution.fingerprint,
    reply_lost: NO_ANSWER.has(execution.fault),
    error: null,
  };
}
