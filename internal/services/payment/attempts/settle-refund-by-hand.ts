// Settles a refund that failed at the provider, after a person has paid the shopper in another way: on an operator's evidence, by the same
// decision as a provider result. Called by settle-by-hand.ts.
import { AppError } from "../../../kernel/errors.ts";
import { outsideRefundId } from "../outside-refund.ts";
import type { Payment, PendingRefund } from "../payment.ts";
import type { FoundRefund, PaymentProvider } from "../providers/provider.ts";
import type { AttemptResult } from "./attempt.ts";

export interface SettledByHand {
  readonly result: AttemptResult;
  /** What the provider said to the look-up, for the audit trail. */
  readonly looked_up: string;
}

/** Throws MESSAGE_INVALID with the objection, or PROVIDER_UNAVAILABLE if the provider does not say and `despiteSilence` is false. */
export async function refundedOutside(
  payment: Payment,
  asked: Pick<PaymentProvider, "findRefund">,
  despiteSilence: boolean,
): Promise<SettledByHand> {
  if (payment.status !== "REFUND_PENDING" || !isHopeless(payment.refund))
    throw new AppError(
      "MESSAGE_INVALID",
      `the payment is ${payment.status}${payment.status === "REFUND_PENDING" ? ", and its refund has not failed: the provider is still asked for it" : ""}`,
    );
  const { saga_id, payment_id, provider_txn_id, refund } = payment;
  const looked_up = lookedUp(await asked.findRefund(provider_txn_id), despiteSilence);
  const outcome = { kind: "succeeded", provider_refund_id: outsideRefundId(payment_id) } as const;
  return { result: { kind: "refund", saga_id, attempt: refund.attempts, outcome }, looked_up };
}

/** Refusals that no later request changes. Of a disputed charge the bank has taken the money, or will. */
const FINAL: ReadonlySet<string | null> = new Set([
  "CHARGE_DISPUTED",
  "CHARGE_NOT_REFUNDABLE",
  "REFUND_DISPUTED_PAYMENT",
  // PayPal's own names.
  "REFUND_TIME_LIMIT_EXCEEDED",
  "REFUND_NOT_ALLOWED",
  "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
]);

/** The provider will not give the money back. */
function isHopeless({ failed, error_code }: PendingRefund): boolean {
  return failed.length > 0 || FINAL.has(error_code);
}

function lookedUp(found: FoundRefund, despiteSilence: boolean): string {
  switch (found.kind) {
    case "succeeded":
    case "pending":
      throw new AppError(
        "MESSAGE_INVALID",
        `the provider has refund ${found.provider_refund_id}, which is ${found.kind}: the shopper would be paid twice`,
      );
    case "failed":
      return `the refund failed at the provider (${found.error_code})`;
    case "not_found":
      return "the provider has no refund";
    default:
      if (despiteSilence) return `the provider did not say (${found.kind})`;
      throw new AppError(
        "PROVIDER_UNAVAILABLE",
        "the provider does not say whether it has a refund: try again, or use --despite-silence if the evidence is enough",
      );
  }
}
