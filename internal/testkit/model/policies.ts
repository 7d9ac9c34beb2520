// The times of the providers in the model: everything that may happen at once does, except what takes hours. Called by actions.ts and rules.ts.
import type { PaymentPolicy } from "../../services/payment/attempts/attempts.ts";
import { type ProviderName, SAGA_POLICY } from "./world.ts";

const HOUR_MS = 60 * 60 * 1_000;

const STRIPE: PaymentPolicy = {
  leaseMs: 0,
  backoffMs: [0],
  attemptsBeforeSearch: 1,
  keyTrustedMs: 23 * HOUR_MS,
  searchLagMs: 0,
  executionMs: HOUR_MS,
  sentWithinShare: 1,
  forgetsWaiting: false,
  actionMs: 2 * SAGA_POLICY.actionDeadlineMs,
  actionPollMs: [0],
  refundPollMs: [0],
};

export const POLICIES: Readonly<Record<ProviderName, PaymentPolicy>> = {
  stripe: STRIPE,
  paypal: { ...STRIPE, keyTrustedMs: 5 * HOUR_MS, forgetsWaiting: true },
};

/** After this long the provider has forgotten a key. */
export const KEY_LIFE_MS: Readonly<Record<ProviderName, number>> = {
  stripe: 24 * HOUR_MS,
  paypal: 6 * HOUR_MS,
};
