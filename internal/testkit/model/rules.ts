// The decision functions of a model world: the real ones, and for each protection a set without it. A wrapper around the real
// function removes the protection; the real function has no switch. The model must then find a violation.
import type { PaymentCommand } from "../../../schemas/commands.ts";
import { assert } from "../../kernel/errors.ts";
import {
  decide as decideSaga,
  type Decision as SagaDecision,
  type SagaPolicy,
} from "../../orchestrator/saga.ts";
import {
  decideCancellation,
  resendCommand,
  startCancellation,
} from "../../orchestrator/order-cancellation.ts";
import type { Saga, SagaInput } from "../../orchestrator/state.ts";
import { decide as decideInventory, expire } from "../../services/inventory/decide.ts";
import { decide as decideOrder } from "../../services/order/decide.ts";
import {
  claimCharge,
  claimRefund,
  type PaymentPolicy,
  settleCharge,
  settleRefund,
} from "../../services/payment/attempts/attempts.ts";
import {
  claimCapture,
  claimVoid,
  settleCapture,
  settleEndedHold,
  settleVoid,
} from "../../services/payment/attempts/holds.ts";
import { decide as decidePayment } from "../../services/payment/decide.ts";
import { isOpen, type Decision as PaymentDecision, type Payment } from "../../services/payment/payment.ts";
import { HOLD_PROTECTIONS, isHoldProtection, pretended, withoutInHold } from "./hold-rules.ts";
import { POLICIES } from "./policies.ts";
import { isProviderProtection, PROVIDER_PROTECTIONS, withoutInProvider } from "./provider-rules.ts";
import {
  CANCELLATION_PROTECTIONS,
  type CancellationRules,
  withoutInCancellation,
} from "./cancellation-rules.ts";

/** A payment service that leaves no tombstone may have no row after a decision. */
export interface MaybePayment extends Omit<PaymentDecision, "payment"> {
  readonly payment: Payment | null;
}

export interface Rules extends CancellationRules {
  readonly saga: typeof decideSaga;
  readonly inventory: typeof decideInventory;
  readonly expire: typeof expire;
  readonly payment: (...args: Parameters<typeof decidePayment>) => MaybePayment;
  readonly claimCharge: typeof claimCharge;
  readonly claimRefund: typeof claimRefund;
  readonly settleCharge: typeof settleCharge;
  readonly settleRefund: typeof settleRefund;
  readonly claimCapture: typeof claimCapture;
  readonly claimVoid: typeof claimVoid;
  readonly settleCapture: typeof settleCapture;
  readonly settleVoid: typeof settleVoid;
  readonly settleEndedHold: typeof settleEndedHold;
  /** The times that count for payments of this provider. */
  readonly policyOf: (provider: string) => PaymentPolicy;
  /** True if a redelivered message that already had its effect is dropped. */
  readonly inbox: boolean;
}

export const REAL: Rules = {
  saga: decideSaga,
  inventory: decideInventory,
  expire,
  order: decideOrder,
  startCancellation,
  decideCancellation,
  resendCommand,
  cancelsOnce: true,
  payment: decidePayment,
  claimCharge,
  claimRefund,
  settleCharge,
  settleRefund,
  claimCapture,
  claimVoid,
  settleCapture,
  settleVoid,
  settleEndedHold,
  policyOf: (provider) => POLICIES[provider === "paypal" ? "paypal" : "stripe"],
  inbox: true,
};

export const PROTECTIONS = [
  "tombstone",
  "confirm",
  "cancel-before-release",
  "unknown-is-not-failed",
  "terminal guard",
  "inbox",
  "search after the key's life",
  "undo of the step under way",
  "more time only while waiting",
  ...HOLD_PROTECTIONS,
  ...PROVIDER_PROTECTIONS,
  ...CANCELLATION_PROTECTIONS,
] as const;
export type Protection = (typeof PROTECTIONS)[number];

export function without(protection: Protection): Rules {
  if (isHoldProtection(protection)) return { ...REAL, ...withoutInHold(protection) };
  if (isProviderProtection(protection)) return { ...REAL, ...withoutInProvider(protection) };
  switch (protection) {
    case "tombstone":
      return {
        ...REAL,
        // An undo that finds nothing replies but leaves no tombstone.
        inventory: (reservation, stock, command, now, policy) => {
          const decision = decideInventory(reservation, stock, command, now, policy);
          return reservation === null && command.type === "ReleaseInventory"
            ? { ...decision, reservation: null }
            : decision;
        },
        order: (order, command, now, policy) => {
          const decision = decideOrder(order, command, now, policy);
          return order === null && command.type === "CancelOrder" ? { ...decision, order: null } : decision;
        },
        payment: (payment, command, now) => {
          const decision = decidePayment(payment, command, now);
          return payment === null && command.type !== "ChargePayment"
            ? { ...decision, payment: null }
            : decision;
        },
      };
    case "confirm":
      // The saga continues to the order as if the reservation could not expire.
      return {
        ...REAL,
        saga: (saga, input, now, policy) => skipConfirm(decideSaga(saga, input, now, policy), now, policy),
      };
    case "cancel-before-release":
      return {
        ...REAL,
        saga: (saga, input, now, policy) => skipCancel(decideSaga(saga, input, now, policy), now, policy),
      };
    case "unknown-is-not-failed":
      return {
        ...REAL,
        settleCharge: (payment, attempt, outcome, now, policy) => {
          const failed = { kind: "declined", error_code: "PROVIDER_UNAVAILABLE", error_message: "" } as const;
          return settleCharge(payment, attempt, outcome.kind === "unknown" ? failed : outcome, now, policy);
        },
      };
    case "terminal guard":
      return {
        ...REAL,
        saga: (saga, input, now, policy) => decideSaga(reopened(saga, input), input, now, policy),
      };
    case "inbox":
      return { ...REAL, inbox: false };
    case "search after the key's life":
      return {
        ...REAL,
        claimCharge: (payment, now, policy) => {
          const claimed = claimCharge(payment, now, policy);
          return claimed === null ? null : { ...claimed, request: { ...claimed.request, ask: "charge" } };
        },
      };
    case "undo of the step under way":
      return { ...REAL, payment: forgetfulUndo };
    case "more time only while waiting":
      // A press that loses the race against the deadline takes the saga back to where it waited.
      return {
        ...REAL,
        saga: (saga, input, now, policy) =>
          decideSaga(input.type === "ShopperNeedsTime" ? waitingAgain(saga) : saga, input, now, policy),
      };
    default:
      return { ...REAL, ...withoutInCancellation(protection) };
  }
}

function skipConfirm(decision: SagaDecision, now: number, policy: SagaPolicy): SagaDecision {
  const { saga, out } = decision;
  if (!out.some(({ type }) => type === "ConfirmReservation")) return decision;
  return decideSaga(
    saga,
    { ...pretended(saga), type: "ReservationConfirmed", reservation_id: saga.saga_id },
    now,
    policy,
  );
}

function skipCancel(decision: SagaDecision, now: number, policy: SagaPolicy): SagaDecision {
  const { saga, out } = decision;
  if (!out.some(({ type }) => type === "CancelPayment")) return decision;
  return decideSaga(saga, { ...pretended(saga), type: "PaymentCancelled" }, now, policy);
}

/** A compensated saga that gets another message continues forward at its old step. */
function reopened(saga: Saga, input: SagaInput): Saga {
  const { position } = saga;
  if (position.kind !== "compensated" || !("message_id" in input)) return saga;
  return {
    ...saga,
    position: { kind: "forward", at: position.at },
    payment_method: "sealed",
    completed_at: null,
  };
}

function waitingAgain(saga: Saga): Saga {
  const { position } = saga;
  if (position.kind !== "compensating" || position.at !== "charge") return saga;
  return { ...saga, position: { kind: "forward", at: "charge" }, action_expires_at: 1, action_latest_at: 2 };
}

/** An undo during a provider call gets its reply at once. */
function forgetfulUndo(payment: Payment | null, command: PaymentCommand, now: number): MaybePayment {
  const decision = decidePayment(payment, command, now);
  if (payment === null || !isOpen(payment)) return decision;
  if (command.type === "ChargePayment" || decision.out.length > 0) return decision;
  assert(decision.payment.undo_requested, "an open payment records the undo");
  return { ...decision, payment, out: [{ type: "PaymentCancelled", saga_id: command.saga_id }] };
}
