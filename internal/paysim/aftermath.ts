// What happens to a refund or a charge later, without a request: a pending refund ends, a refund fails, a shopper disputes a charge, a bank
// decides. Some cards cause it by themselves after a time (payment-methods.ts); the control API causes it at once. Pure. Called by the
// simulator.
import { type Static, Type } from "@sinclair/typebox";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { assertNever } from "../kernel/errors.ts";
import { objectId } from "./ids.ts";
import type { Dispute, Ledger } from "./ledger.ts";
import { aftermathOf } from "./payment-methods.ts";

/** Stripe gives about this long, by the card's network. */
const EVIDENCE_MS = 9 * 24 * 60 * 60 * 1_000;
const FAILURE_REASON = "expired_or_canceled_card";
const DISPUTE_REASON = "fraudulent";

/** The body of `POST /_sim/later`. */
export const LaterChange = Type.Union([
  Type.Object({ refund: Type.String(), status: Type.Literal("succeeded") }, { additionalProperties: false }),
  Type.Object(
    { refund: Type.String(), status: Type.Literal("failed"), reason: Type.Optional(Type.String()) },
    { additionalProperties: false },
  ),
  Type.Object(
    { payment_intent: Type.String(), reason: Type.Optional(Type.String()) },
    { additionalProperties: false },
  ),
  Type.Object(
    { dispute: Type.String(), outcome: Type.Union([Type.Literal("won"), Type.Literal("lost")]) },
    { additionalProperties: false },
  ),
]);
export type LaterChange = Static<typeof LaterChange>;

export interface Moment {
  readonly seq: number;
  readonly nowMs: number;
  readonly seed: number;
}

/** Null if it cannot happen: no such object, or it is over. */
export function decideLater(ledger: Ledger, change: LaterChange, moment: Moment): ProviderLedgerEntry | null {
  if ("refund" in change) return decideRefund(ledger, change, moment);
  return "dispute" in change ? closeDispute(ledger, change, moment) : openDispute(ledger, change, moment);
}

function decideRefund(
  ledger: Ledger,
  change: Extract<LaterChange, { refund: string }>,
  moment: Moment,
): ProviderLedgerEntry | null {
  const refund = ledger.refunds.get(change.refund);
  if (refund === undefined || refund.status === "failed") return null;
  const { id, amountCents: amount_cents, currency, reason, metadata } = refund;
  const common = laterOf(ledger, refund.intentId, moment);
  switch (change.status) {
    case "succeeded": {
      if (refund.status !== "pending") return null;
      const executed = { idempotency_key: null, fingerprint: "", reply_lost: false, error: null };
      return { ...common, ...executed, kind: "refund", refund: id, amount_cents, currency, reason, metadata };
    }
    case "failed":
      return {
        ...common,
        kind: "refund_failed",
        refund: id,
        amount_cents,
        currency,
        reason: change.reason ?? FAILURE_REASON,
      };
    default:
      return assertNever(change);
  }
}

function openDispute(
  ledger: Ledger,
  { payment_intent, reason = DISPUTE_REASON }: Extract<LaterChange, { payment_intent: string }>,
  moment: Moment,
): ProviderLedgerEntry | null {
  const intent = ledger.intents.get(payment_intent);
  if (intent?.charged !== true || disputesOf(ledger, payment_intent).length > 0) return null;
  return {
    ...laterOf(ledger, payment_intent, moment),
    kind: "dispute",
    dispute: objectId("du", moment),
    amount_cents: intent.amountCents,
    currency: intent.currency,
    reason,
    due_by_ms: moment.nowMs + EVIDENCE_MS,
  };
}

function closeDispute(
  ledger: Ledger,
  { dispute: id, outcome }: Extract<LaterChange, { dispute: string }>,
  moment: Moment,
): ProviderLedgerEntry | null {
  const dispute = ledger.disputes.get(id);
  if (dispute?.status !== "needs_response") return null;
  return { ...laterOf(ledger, dispute.intentId, moment), kind: "dispute_closed", dispute: id, outcome };
}

function laterOf(ledger: Ledger, intentId: string, { seq, nowMs }: Moment) {
  const saga_id = ledger.intents.get(intentId)?.metadata["saga_id"] ?? null;
  return { seq, at_ms: nowMs, payment_intent: intentId, saga_id };
}

/** There are few disputes: all are read. */
export function disputesOf({ disputes }: Ledger, intentId: string): readonly Dispute[] {
  return disputes.all().filter((dispute) => dispute.intentId === intentId);
}

/** What the card of this entry causes by itself some time later; null if nothing. */
export function nextOf(ledger: Ledger, entry: ProviderLedgerEntry): LaterChange | null {
  if (entry.kind !== "charge" && entry.kind !== "refund" && entry.kind !== "refund_pending") return null;
  const card = ledger.intents.get(entry.payment_intent)?.paymentMethod ?? "";
  const aftermath = aftermathOf(card);
  if (entry.kind === "charge")
    return aftermath === "dispute" ? { payment_intent: entry.payment_intent } : null;
  const { refund } = entry;
  if (entry.kind === "refund_pending")
    return { refund, status: aftermath === "refund_pending_fails" ? "failed" : "succeeded" };
  return aftermath === "refund_fails" ? { refund, status: "failed" } : null;
}
