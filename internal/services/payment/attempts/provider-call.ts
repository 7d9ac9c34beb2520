// Asks the provider the request of one attempt, and makes the outcome out of its one or two answers. Called by executor.ts;
// what the outcome means for the payment is decided in attempts.ts.
import { AppError } from "../../../kernel/errors.ts";
import type { ChargeOutcome, ChargeCall, RefundOutcome, RefundCall } from "./attempts.ts";
import { chargeKey, type OpenPayment, type RefundPendingPayment } from "../payment.ts";
import type { ChargeResult, FindRequest, FoundCharge, PaymentProvider } from "../providers/provider.ts";

/**
 * A token sealed to a key that is not here. While keys are exchanged another process may have it, or this one after its next
 * start: the payment waits for that, and its shopper's card is not to blame. If nobody has it in time, it is given up as if the
 * provider were away.
 */
const KEY_PAUSE_MS = 1_000;
/**
 * At random so much more: processes look for what is due at their own beat, and in step with it the one without the key would
 * find the payment first every time.
 */
const KEY_PAUSE_JITTER_MS = 1_000;

/** Opens a sealed payment token; throws SEAL_INVALID, and SEAL_KEY_UNKNOWN where another process may be able to. */
export type OpenToken = (sealed: string) => Promise<string>;

export async function askCharge(
  provider: PaymentProvider,
  open: OpenToken,
  payment: OpenPayment,
  { ask }: ChargeCall,
): Promise<ChargeOutcome> {
  if (ask === "search") return foundOutcome(await provider.findCharge(findRequest(payment)), false);
  const answer = await charge(provider, open, payment);
  // What the provider put off it would not look up now, either.
  const isPutOff = answer.kind === "deferred" && answer.reason !== "no_key";
  if (answer.kind === "succeeded" || answer.kind === "declined" || isPutOff || ask === "charge")
    return answer;
  // The order matters: a stored answer was repeated first, so whatever it hides is in the ledger that are searched next.
  const executionOver = answer.kind === "unknown" && answer.replayed;
  return foundOutcome(await provider.findCharge(findRequest(payment)), executionOver);
}

export async function askRefund(
  provider: PaymentProvider,
  payment: RefundPendingPayment,
  { idempotency_key, search_first }: RefundCall,
): Promise<RefundOutcome> {
  const { saga_id, provider_txn_id } = payment;
  if (search_first) {
    const found = await provider.findRefund(provider_txn_id);
    if (found.kind !== "not_found") return found;
  }
  return provider.refund({ idempotency_key, saga_id, provider_txn_id });
}

async function charge(
  provider: PaymentProvider,
  open: OpenToken,
  payment: OpenPayment,
): Promise<ChargeResult> {
  const { saga_id, amount_cents, currency } = payment;
  let payment_method: string;
  try {
    payment_method = await open(payment.payment_method);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === "SEAL_KEY_UNKNOWN")
      return {
        kind: "deferred",
        reason: "no_key",
        retry_after_ms: KEY_PAUSE_MS + Math.floor(Math.random() * KEY_PAUSE_JITTER_MS),
      };
    if (error.code !== "SEAL_INVALID") throw error;
    // Not "declined": an earlier attempt may have been made by a process that has the right key.
    return { kind: "no_effect", error_code: "PAYMENT_METHOD_INVALID", error_message: error.message };
  }
  return provider.charge({
    idempotency_key: chargeKey(saga_id),
    saga_id,
    amount_cents,
    currency,
    payment_method,
  });
}

/** Where it is not known when the charge was last asked for, that may have been until just now, which is when the lease began. */
export function findRequest({
  saga_id,
  first_attempt_at,
  charge_asked_at,
  next_attempt_at,
  created_at,
}: OpenPayment): FindRequest {
  const firstMs = first_attempt_at ?? created_at;
  return { saga_id, asked: { firstMs, lastMs: Math.max(charge_asked_at ?? next_attempt_at, firstMs) } };
}

function foundOutcome(found: FoundCharge, executionOver: boolean): ChargeOutcome {
  if (found.kind === "not_found") return { kind: "not_found", execution_over: executionOver };
  // It is the look-up that was put off or refused. The charge may have had an effect.
  return found.kind === "deferred" || found.kind === "request_refused" ? { kind: "unknown" } : found;
}
