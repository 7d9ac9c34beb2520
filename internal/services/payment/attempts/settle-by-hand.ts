// Settles a payment whose outcome the provider does not report, on an operator's evidence: by the same decision as a provider result, with
// its event, in one transaction. It first refuses what contradicts known facts. Called by `checkoutctl payments settle`.
import { AppError } from "../../../kernel/errors.ts";
import { findRequest } from "./provider-call.ts";
import { type AttemptContext, settleResults } from "./attempt-transactions.ts";
import type { ChargeOutcome } from "./attempts.ts";
import { refundedOutside, type SettledByHand } from "./settle-refund-by-hand.ts";
import { mayBeWithShopper } from "./shopper-action.ts";
import { findPayments } from "../lookup-store.ts";
import type { OpenPayment, Payment, PaymentStatus } from "../payment.ts";
import type { ProviderCharge, ProviderLedger } from "../providers/ledger.ts";
import type { FoundCharge, PaymentProvider } from "../providers/provider.ts";
import { isSameMoney } from "../differences.ts";

/** Longer than a requested charge takes to show in the provider ledger, except on the worst days. */
const SETTLED_AFTER_MS = 15 * 60 * 1_000;

export interface SettleByHand {
  readonly saga_id: string;
  /** `succeeded`: the provider took the money with this charge of its ledger. `failed`: it did not and will not. */
  readonly outcome:
    | { readonly kind: "succeeded"; readonly charge: string }
    | { readonly kind: "failed" }
    /** Its refund failed at the provider, and a person has paid the shopper in another way. */
    | { readonly kind: "refunded" };
  /** Continues if the provider does not answer; the evidence must be enough then. */
  readonly despiteSilence: boolean;
}

export interface HandSettlement {
  readonly saga_id: string;
  readonly payment_id: string;
  readonly status: PaymentStatus;
  /** What the provider said to the lookup, for the audit trail. */
  readonly looked_up: string;
}

export interface SettleContext extends AttemptContext {
  readonly asked: Pick<PaymentProvider, "findCharge" | "findRefund">;
  readonly ledger: Pick<ProviderLedger, "charge">;
  /** Epoch ms. */
  readonly now: number;
}

/** Throws MESSAGE_INVALID with the objection, or PROVIDER_UNAVAILABLE if the provider does not say. */
export async function settleByHand(context: SettleContext, request: SettleByHand): Promise<HandSettlement> {
  const { database, asked, ledger, now } = context;
  const { saga_id, outcome } = request;
  const [payment] = await findPayments(database.sql, { sagas: [saga_id], charges: [] });
  if (payment === undefined) throw refusal(`there is no payment of saga ${saga_id}`);
  if (outcome.kind === "refunded") {
    const settled = await refundedOutside(payment, asked, request.despiteSilence);
    return settle(context, payment, settled);
  }
  if (payment.status !== "UNKNOWN") throw refusal(notUnknown(payment));
  let settled: ChargeOutcome;
  let looked_up: string;
  if (outcome.kind === "succeeded") {
    const [holder] = await findPayments(database.sql, { sagas: [], charges: [outcome.charge] });
    if (holder !== undefined) throw refusal(`charge ${outcome.charge} belongs to saga ${holder.saga_id}`);
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
    const error_message = "settled by an operator: the provider took nothing";
    if (found.kind === "declined" && found.closed !== true) {
      const charge = payment.action?.provider_txn_id ?? found.provider_txn_id;
      if (charge !== undefined && (payment.action !== null || mayBeWithShopper(payment)))
        throw refusal(
          `charge ${charge} was declined but is open: its shopper can still pay it; cancel it at the provider first`,
        );
    }
    // Nobody can pay a charge that is not there, or that the operator vouches for.
    settled = { kind: "declined", error_code: "NOT_CHARGED", error_message, closed: true };
  }
  const result = { kind: "charge", saga_id, attempt: payment.attempts, outcome: settled } as const;
  return settle(context, payment, { result, looked_up });
}

async function settle(
  context: SettleContext,
  { saga_id, payment_id }: Payment,
  { result, looked_up }: SettledByHand,
): Promise<HandSettlement> {
  const [decision] = await settleResults(context, [result], context.now);
  if (decision === undefined) throw refusal("the payment has been settled in the meantime");
  return { saga_id, payment_id, status: decision.payment.status, looked_up };
}

/** Pure. Why this charge of the provider ledger cannot be the payment's, or null. */
function objectionToCharge(
  payment: OpenPayment,
  atProvider: ProviderCharge | null,
  charge: string,
): string | null {
  if (atProvider === null) return `the provider has no charge ${charge}`;
  if (atProvider.answer.kind !== "succeeded")
    return `the provider took no money with charge ${charge}: it is ${atProvider.answer.kind} there`;
  if (atProvider.saga_id !== payment.saga_id)
    return `charge ${charge} belongs to ${atProvider.saga_id === null ? "no saga" : `saga ${atProvider.saga_id}`}`;
  if (!isSameMoney(atProvider, payment))
    return `charge ${charge} is for ${atProvider.amount_cents} ${atProvider.currency}, the payment for ${payment.amount_cents} ${payment.currency} (minor units)`;
  return null;
}

/** Pure. Why it is too early to say that no money was or will be taken, or null. */
function objectionToAbsence(payment: OpenPayment, now: number): string | null {
  if (!payment.undo_requested)
    return "its saga is not compensating, so the charge is still retried: run `checkoutctl saga cancel` first";
  const sentAt = payment.charge_asked_at ?? payment.first_attempt_at ?? payment.created_at;
  const leftMs = sentAt + SETTLED_AFTER_MS - now;
  if (leftMs <= 0) return null;
  return `the charge was requested too recently and may still happen: wait ${Math.ceil(leftMs / 60_000)} min`;
}

function lookedUp(found: FoundCharge, despiteSilence: boolean): string {
  switch (found.kind) {
    case "succeeded":
      throw refusal(
        `the provider took the money with charge ${found.provider_txn_id}: settle it with --outcome succeeded`,
      );
    case "authorized":
      throw refusal(
        `charge ${found.provider_txn_id} holds the money: the payment ends when it is released; cancel it at the provider first`,
      );
    case "declined":
      return "the provider declined the charge";
    case "not_found":
      return "the provider has no such charge";
    case "action_required":
      throw refusal(
        `charge ${found.provider_txn_id} waits for its shopper, who can still pay it: cancel it at the provider first`,
      );
    default:
      if (despiteSilence) return `the provider did not say (${found.kind})`;
      throw new AppError(
        "PROVIDER_UNAVAILABLE",
        "the provider does not say whether it has the charge: try again, or use --despite-silence if the evidence is enough",
      );
  }
}

function notUnknown({ status }: Payment): string {
  return status === "PENDING"
    ? "the payment is PENDING: no request was sent yet, or the first one is in flight; `checkoutctl saga cancel` ends it"
    : `the payment is ${status}: its outcome is known`;
}

function refusal(message: string): AppError {
  return new AppError("MESSAGE_INVALID", message);
}
