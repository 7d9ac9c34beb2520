// One request to the provider of any kind, and its result: what executor.ts carries without knowing which it is. Pure.
import { assertNever } from "../../../kernel/errors.ts";
import {
  type ChargeClaim,
  type ChargeOutcome,
  type PaymentPolicy,
  type RefundCall,
  type RefundOutcome,
  settleCharge,
  settleRefund,
} from "./attempts.ts";
import {
  type CaptureClaim,
  type CaptureOutcome,
  claimCapture,
  claimVoid,
  settleCapture,
  settleVoid,
  type VoidClaim,
  type VoidOutcome,
} from "./holds.ts";
import type { Decision, Payment, RefundPendingPayment } from "../payment.ts";

/** A request that this process has claimed and must send. */
export type Attempt =
  | ({ readonly kind: "charge" } & ChargeClaim)
  | ({ readonly kind: "capture" } & CaptureClaim)
  | ({ readonly kind: "void" } & VoidClaim)
  | { readonly kind: "refund"; readonly payment: RefundPendingPayment; readonly request: RefundCall };

/** The result of an attempt. */
export type AttemptResult = { readonly saga_id: string; readonly attempt: number } & Outcome;

export type Outcome =
  | { readonly kind: "charge"; readonly outcome: ChargeOutcome }
  | { readonly kind: "capture"; readonly outcome: CaptureOutcome }
  | { readonly kind: "void"; readonly outcome: VoidOutcome }
  | { readonly kind: "refund"; readonly outcome: RefundOutcome };

/** Claims the capture or the void that is due, else null. */
export function claimHold(payment: Payment, now: number, policy: PaymentPolicy): Attempt | null {
  const capture = claimCapture(payment, now, policy);
  if (capture !== null) return { kind: "capture", ...capture };
  const release = claimVoid(payment, now, policy);
  return release === null ? null : { kind: "void", ...release };
}

/** Until when the request belongs to the process that claimed it, epoch ms. */
export function leaseEnd(attempt: Attempt): number {
  return attempt.kind === "refund" ? attempt.payment.refund.next_attempt_at : attempt.payment.next_attempt_at;
}

export function settlementOf(
  payment: Payment,
  result: AttemptResult,
  now: number,
  policy: PaymentPolicy,
): Decision {
  switch (result.kind) {
    case "charge":
      return settleCharge(payment, result.attempt, result.outcome, now, policy);
    case "capture":
      return settleCapture(payment, result.attempt, result.outcome, now, policy);
    case "void":
      return settleVoid(payment, result.attempt, result.outcome, now, policy);
    case "refund":
      return settleRefund(payment, result.attempt, result.outcome, now, policy);
    default:
      return assertNever(result);
  }
}
