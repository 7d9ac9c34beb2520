// The protections of a shop with two providers, and what the decision functions are without each. Called by rules.ts.
import { decide as decideSaga } from "../../orchestrator/saga.ts";
import { claimCharge, type PaymentPolicy, settleCharge } from "../../services/payment/attempts/attempts.ts";
import { settleCapture } from "../../services/payment/attempts/holds.ts";
import { decide as decidePayment } from "../../services/payment/decide.ts";
import { cancelUnsent, isOpen } from "../../services/payment/payment.ts";
import { POLICIES } from "./policies.ts";

interface ProviderRules {
  readonly saga: typeof decideSaga;
  readonly payment: typeof decidePayment;
  readonly claimCharge: typeof claimCharge;
  readonly settleCharge: typeof settleCharge;
  readonly settleCapture: typeof settleCapture;
  readonly policyOf: (provider: string) => PaymentPolicy;
}

export const PROVIDER_PROTECTIONS = [
  "its own provider is asked",
  "its own provider's times",
  "taken at a late look-up is refunded",
  "held at a late look-up is released",
  "approved order is closed",
  "capture under review is not money",
  "forgotten order ends its undo",
] as const;
type ProviderProtection = (typeof PROVIDER_PROTECTIONS)[number];

export function isProviderProtection(protection: string): protection is ProviderProtection {
  return protection in WITHOUT;
}

export function withoutInProvider(protection: ProviderProtection): Partial<ProviderRules> {
  return WITHOUT[protection];
}

/** More than the model's charges need, and few enough to explore. */
const ENOUGH_ATTEMPTS = 5;
const DENIED = { kind: "declined", error_code: "CARD_DECLINED", error_message: "", closed: true } as const;

const WITHOUT: Readonly<Record<ProviderProtection, Partial<ProviderRules>>> = {
  "its own provider is asked": {
    // The command to payment does not name the provider.
    saga: (saga, input, now, policy) => {
      const decision = decideSaga({ ...saga, provider: null }, input, now, policy);
      return { ...decision, saga: { ...decision.saga, provider: saga.provider } };
    },
  },
  "its own provider's times": { policyOf: () => POLICIES.stripe },
  "taken at a late look-up is refunded": {
    settleCharge: (payment, attempt, outcome, now, policy) => {
      const isLate = isOpen(payment) && payment.undo_requested && outcome.kind === "succeeded";
      return settleCharge(payment, attempt, isLate ? DENIED : outcome, now, policy);
    },
  },
  "held at a late look-up is released": {
    settleCharge: (payment, attempt, outcome, now, policy) => {
      const isLate = isOpen(payment) && payment.undo_requested && outcome.kind === "authorized";
      return settleCharge(payment, attempt, isLate ? DENIED : outcome, now, policy);
    },
  },
  "approved order is closed": {
    // Nothing has moved yet, so the undo gets its reply at once.
    payment: (payment, command, now) => {
      const decision = decidePayment(payment, command, now);
      const isUndo = command.type === "CancelPayment" || command.type === "RefundPayment";
      return isUndo && payment !== null && isOpen(payment) && payment.action !== null
        ? cancelUnsent(payment)
        : decision;
    },
  },
  "capture under review is not money": {
    settleCapture: (payment, attempt, outcome, now, policy) => {
      const taken = { kind: "succeeded", provider_txn_id: "" } as const;
      return settleCapture(payment, attempt, outcome.kind === "unknown" ? taken : outcome, now, policy);
    },
  },
  "forgotten order ends its undo": {
    // "Not found" by an id that the provider gave proves nothing, as at a provider that forgets nothing. It would be asked forever.
    claimCharge: (payment, now, policy) =>
      isOpen(payment) && payment.attempts >= ENOUGH_ATTEMPTS ? null : claimCharge(payment, now, policy),
    policyOf: (provider) => ({
      ...POLICIES[provider === "paypal" ? "paypal" : "stripe"],
      forgetsWaiting: false,
    }),
  },
};
