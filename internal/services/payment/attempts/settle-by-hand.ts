// Ends a payment whose outcome the provider will not tell, on an operator's evidence: by the same decision as an answer of the provider, with
// its event, in one transaction. What is known against it is held against it first. Called by `checkoutctl payments settle`.
import { AppError } from "../../../kernel/errors.ts";
import { findRequest } from "./provider-call.ts";
import { type AttemptContext, settleResults } from "./attempt-transactions.ts";
import type { ChargeOutcome } from "./attempts.ts";
import { findPayments } from "../lookup-store.ts";
import type { OpenPayment, Payment, PaymentStatus } from "../payment.ts";
import type { ProviderCharge, ProviderLedger } from "../providers/ledger.ts";
import type { FoundCharge, PaymentProvider } from "../providers/provider.ts";
import { isSameMoney } from "../differences.ts";

/** Longer than a charge that was asked for may take to show in the provider's ledger, on all but the worst of days. */
const SETTLED_AFTER_MS = 15 * 60 * 1_000;

export interface SettleByHand {
  readonly saga_id: string;
  /** `succeeded`: the provider took the money, as this charge of its ledger. `failed`: it did not and will not. */
  readonly outcome: { readonly kind: "succeeded"; readonly charge: string } | { readonly kind: "failed" };
  /** Goes on where the provider cannot be asked; the evidence is all there is then. */
  readonly despiteSilence: boolean;
}

export interface HandSettlement {
  readonly saga_id: string;
  readonly payment_id: string;
  readonly status: PaymentStatus;
  /** What the provider said when it was asked, for the audit trail. */
  readonly looked_up: string;
}

export interface SettleContext extends AttemptContext {
  readonly asked: Pick<PaymentProvider, "findCharge">;
  readonly ledger: Pick<ProviderLedger, "charge">;
  /** Epoch ms. */
  readonly now: number;
}

/** Throws MESSAGE_INVALID with what speaks against it, PROVIDER_UNAVAILABLE where the provider does not say. */
export async function settleByHand(context: SettleContext, request: SettleByHand): Promise<HandSettlement> {
  const { database, asked, ledger, now } = context;
  const { saga_id, outcome } = request;
  const [payment] = await findPayments(database.sql, { sagas: [saga_id], charges: [] });
  if (payment === undefined) throw refusal(`there is no payment of saga ${saga_id}`);
  if (payment.status !== "UNKNOWN") throw refusal(notUnknown(payment));
  let settled: ChargeOutcome;
  let looked_up: string;
  if (outcome.kind === "succeeded") {
    const [holder] = await findPayments(database.sql, { sagas: [], charges: [outcome.charge] });
    if (holder !== undefined) throw refusal(`charge ${outcome.charge} is that of saga ${holder.saga_id}`);
    const atProvider = await ledger.charge(outcome.charge);
    const objection = objectionToCharge(payment, atProvider, outcome.charge);
    if (objection !== null) throw refusal(objection);
    settled = { kind: "succeeded", provider_txn_id: outcome.charge };
    looked_up = "the provider has the charge";
  } else {
    const early = objectionToAbsence(payment, now);
    if (early !== null) throw refusal(early);
    const found = await asked.findCharge(findRequest(payment));
    looked_up = lookedUp(found, request.despiteSilence);
    const error_message = "an operator settled it: the provider took nothing";
    settled = { kind: "declined", error_code: "NOT_CHARGED", error_message };
  }
  const answer = { kind: "charge", saga_id, attempt: payment.attempts, outcome: settled } as const;
  const [decision] = await settleResults(context, [answer], now);
  if (decision === undefined) throw refusal("the payment has been settled in the meantime");
  return { saga_id, payment_id: payment.payment_id, status: decision.payment.status, looked_up };
}

/** Pure. What speaks against taking this charge of the provider's ledger for the payment's, or null. */
export function objectionToCharge(
  payment: OpenPayment,
  atProvider: ProviderCharge | null,
  charge: string,
): string | null {
  if (atProvider === null) return `the provider knows no charge ${charge}`;
  if (atProvider.answer.kind !== "succeeded")
    return `the provider took no money by ${charge}: it is ${atProvider.answer.kind} there`;
  if (atProvider.saga_id !== payment.saga_id)
    return `charge ${charge} is of ${atProvider.saga_id === null ? "no saga" : `saga ${atProvider.saga_id}`}`;
  if (!isSameMoney(atProvider, payment))
    return `charge ${charge} is of ${atProvider.amount_cents} ${atProvider.currency}, the payment of ${payment.amount_cents} ${payment.currency} (minor units)`;
  return null;
}

/** Pure. Why it is too early to say that nothing was or will be taken, or null. */
export function objectionToAbsence(payment: OpenPayment, now: number): string | null {
  if (!payment.undo_requested)
    return "its saga is not compensating, so the charge is asked for again and again: `checkoutctl saga cancel` it first";
  const askedAt = payment.charge_asked_at ?? payment.first_attempt_at ?? payment.created_at;
  const leftMs = askedAt + SETTLED_AFTER_MS - now;
  if (leftMs <= 0) return null;
  return `the charge was asked for too recently and may still take place: wait ${Math.ceil(leftMs / 60_000)} min`;
}

function lookedUp(found: FoundCharge, despiteSilence: boolean): string {
  switch (found.kind) {
    case "succeeded":
      throw refusal(
        `the provider has taken the money by ${found.provider_txn_id}: settle it with --outcome succeeded`,
      );
    case "declined":
      return "the provider declined the charge";
    case "not_found":
      return "the provider has no such charge";
    default:
      if (despiteSilence) return `the provider did not say (${found.kind})`;
      throw new AppError(
        "PROVIDER_UNAVAILABLE",
        "the provider does not say whether it has the charge: try again, or give --despite-silence where the evidence does without",
      );
  }
}

function notUnknown({ status }: Payment): string {
  return status === "PENDING"
    ? "the payment is PENDING: nothing was asked so far, or the first answer is on its way; `checkoutctl saga cancel` ends it"
    : `the payment is ${status}: its outcome is known`;
}

function refusal(message: string): AppError {
  return new AppError("MESSAGE_INVALID", message);
}
