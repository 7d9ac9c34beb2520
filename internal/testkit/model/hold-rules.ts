// The protections of money that is held before it is taken (table 2 of the saga), and what the decision functions are without each. Called
// by rules.ts.
import { decide as decideSaga } from "../../orchestrator/saga.ts";
import type { Saga } from "../../orchestrator/state.ts";
import { settleCapture, settleVoid } from "../../services/payment/attempts/holds.ts";
import { decide as decidePayment } from "../../services/payment/decide.ts";
import { isHeld } from "../../services/payment/payment.ts";

interface HoldRules {
  readonly saga: typeof decideSaga;
  readonly payment: typeof decidePayment;
  readonly settleCapture: typeof settleCapture;
  readonly settleVoid: typeof settleVoid;
}

export const HOLD_PROTECTIONS = [
  "confirm before the capture",
  "undo of the authorization",
  "void before its reply",
  "unknown void is not done",
  "unknown capture is not failed",
  "captured during its void is refunded",
  "refused capture is voided",
] as const;
type HoldProtection = (typeof HOLD_PROTECTIONS)[number];

export function isHoldProtection(protection: string): protection is HoldProtection {
  return protection in WITHOUT;
}

export function withoutInHold(protection: HoldProtection): Partial<HoldRules> {
  return WITHOUT[protection];
}

const WITHOUT: Readonly<Record<HoldProtection, Partial<HoldRules>>> = {
  "confirm before the capture": {
    // The money is taken as soon as it is held.
    saga: (saga, input, now, policy) => {
      const decision = decideSaga(saga, input, now, policy);
      if (!decision.out.some(({ type }) => type === "ConfirmReservation")) return decision;
      const confirmed = { ...pretended(saga), type: "ReservationConfirmed", reservation_id: "" } as const;
      return decideSaga(decision.saga, confirmed, now, policy);
    },
  },
  "undo of the authorization": {
    // The saga goes on to the stock as if nothing were held.
    saga: (saga, input, now, policy) => {
      const decision = decideSaga(saga, input, now, policy);
      return input.type === "ReservationLost" && decision.out.some(({ type }) => type === "CancelPayment")
        ? decideSaga(decision.saga, { ...pretended(saga), type: "PaymentCancelled" }, now, policy)
        : decision;
    },
  },
  "void before its reply": {
    payment: (payment, command, now) => {
      const decision = decidePayment(payment, command, now);
      if (payment === null || !isHeld(payment) || decision.payment.status !== "VOID_PENDING") return decision;
      return { ...decision, payment, out: [{ type: "PaymentCancelled", saga_id: command.saga_id }] };
    },
  },
  "unknown void is not done": {
    settleVoid: (payment, attempt, outcome, now, policy) =>
      settleVoid(payment, attempt, outcome.kind === "unknown" ? { kind: "voided" } : outcome, now, policy),
  },
  "unknown capture is not failed": {
    settleCapture: (payment, attempt, outcome, now, policy) => {
      const ended = { kind: "declined", error_code: "AUTHORIZATION_ENDED", error_message: "" } as const;
      const taken = outcome.kind === "unknown" ? { ...ended, closed: true as const } : outcome;
      return settleCapture(payment, attempt, taken, now, policy);
    },
  },
  "captured during its void is refunded": {
    settleVoid: (payment, attempt, outcome, now, policy) =>
      settleVoid(payment, attempt, outcome.kind === "succeeded" ? { kind: "voided" } : outcome, now, policy),
  },
  "refused capture is voided": {
    settleCapture: (payment, attempt, outcome, now, policy) => {
      const told = outcome.kind === "declined" ? { ...outcome, closed: true as const } : outcome;
      return settleCapture(payment, attempt, told, now, policy);
    },
  },
};

/** The envelope of an event that never came. */
export function pretended(saga: Saga) {
  return { message_id: saga.saga_id, saga_id: saga.saga_id, schema_version: 1, occurred_at: "" };
}
