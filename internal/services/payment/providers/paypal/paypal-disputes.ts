// PayPal's disputes, and captures that PayPal reversed: a shopper, or the shopper's bank, wants the money back. Called by paypal-events.ts and
// paypal-ledger.ts.
//
// Sources: PayPal's OpenAPI document of Disputes v1 (the schemas `dispute` and `dispute_outcome`) and the event names of Payments v2
// (https://docs.paypal.ai/reference/webhook-events/payments-v2).
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { ProviderDispute } from "../ledger.ts";
import { fromPayPal } from "./paypal-amounts.ts";
import { captureIdOf, Id, Money, refundIn, Text } from "./paypal-answers.ts";

const Dispute = TypeCompiler.Compile(
  Type.Object({
    dispute_id: Id,
    reason: Text,
    status: Type.String(),
    dispute_amount: Money,
    dispute_outcome: Type.Optional(Type.Object({ outcome_code: Text })),
    disputed_transactions: Type.Array(Type.Object({ seller_transaction_id: Type.Optional(Id) })),
    seller_response_due_date: Text,
  }),
);
type PayPalDispute = Static<ReturnType<(typeof Dispute)["Schema"]>>;

/** What a dispute says; null if it is none, or of a currency that we do not know. */
export function disputeIn(body: unknown): ProviderDispute | null {
  if (!Dispute.Check(body)) return null;
  const money = fromPayPal(body.dispute_amount);
  if (money === null) return null;
  const { dispute_id, reason = "", disputed_transactions, seller_response_due_date = "" } = body;
  const respondBy = Date.parse(seller_response_due_date);
  return {
    provider_dispute_id: dispute_id,
    provider_txn_id: disputed_transactions[0]?.seller_transaction_id ?? null,
    ...money,
    status: statusOf(body),
    reason: /^[A-Z0-9_]{1,100}$/.test(reason) ? reason : null,
    respond_by: Number.isNaN(respondBy) ? null : respondBy,
  };
}

/**
 * The object of PAYMENT.CAPTURE.REVERSED, which has the form of a refund. Nobody asked for it here, and PayPal has taken the money: it
 * stays for a person, as a dispute that is lost does.
 */
export function reversalIn(body: unknown): ProviderDispute | null {
  const refund = refundIn(body);
  const money = refund === null ? null : fromPayPal(refund.amount);
  if (refund === null || money === null) return null;
  return {
    provider_dispute_id: refund.id,
    provider_txn_id: captureIdOf(refund),
    ...money,
    status: "lost",
    reason: null,
    respond_by: null,
  };
}

/** Any other outcome, and any new one, waits for somebody. With a payout PayPal pays the shopper, and the shop keeps the money. */
const OUTCOMES: Readonly<Record<string, ProviderDispute["status"]>> = {
  RESOLVED_BUYER_FAVOUR: "lost",
  ACCEPTED: "lost",
  RESOLVED_SELLER_FAVOUR: "won",
  RESOLVED_WITH_PAYOUT: "won",
  CANCELED_BY_BUYER: "won",
};

function statusOf({ status, dispute_outcome }: PayPalDispute): ProviderDispute["status"] {
  return (status === "RESOLVED" ? OUTCOMES[dispute_outcome?.outcome_code ?? ""] : undefined) ?? "open";
}
