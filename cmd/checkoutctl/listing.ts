// A provider's ledger as the repair reads it: every charge since a time, and one charge as it is now. Called by commands/repair.ts.
import { AppError } from "../../internal/kernel/errors.ts";
import type { ChargeAtProvider, ListingProvider } from "../../internal/operations/payment-reopen.ts";
import type {
  ProviderCharge,
  ProviderLedger,
  Span,
} from "../../internal/services/payment/providers/ledger.ts";
import type { KnownProvider } from "../../internal/services/payment/providers/registry.ts";

/** The lists end at a whole second; the current second is included. */
const STEP_MS = 1_000;

export function listing({ provider, ledger, ledgerLagMs }: KnownProvider): ListingProvider {
  return {
    name: provider.name,
    chargesSince: (since) => chargesIn(ledger, { fromMs: since, untilMs: Date.now() + STEP_MS }),
    async lookUp(provider_txn_id) {
      const charge = await ledger.charge(provider_txn_id);
      return charge === null ? null : atProvider(charge);
    },
    lagMs: ledgerLagMs,
  };
}

/** Splits a range with too many charges into halves. */
async function* chargesIn(ledger: ProviderLedger, span: Span): AsyncGenerator<readonly ChargeAtProvider[]> {
  for (let after: string | null = null; ;) {
    const page = await ledger.charges(span, after);
    if (page.isTooLong === true) {
      const middleMs = Math.floor((span.fromMs + span.untilMs) / 2 / STEP_MS) * STEP_MS;
      if (middleMs <= span.fromMs)
        throw new AppError(
          "PROVIDER_REJECTED",
          "it has more charges in one second than one of its lists holds",
        );
      yield* chargesIn(ledger, { fromMs: span.fromMs, untilMs: middleMs });
      yield* chargesIn(ledger, { fromMs: middleMs, untilMs: span.untilMs });
      return;
    }
    yield page.entries.map(atProvider);
    if (page.next === null) return;
    after = page.next;
  }
}

function atProvider(charge: ProviderCharge): ChargeAtProvider {
  const { answer, provider_txn_id, saga_id, amount_cents, currency, held_as, isStale } = charge;
  return {
    provider_txn_id,
    saga_id,
    amount_cents,
    currency,
    money: answer.kind === "succeeded" ? "taken" : answer.kind === "authorized" ? "held" : "none",
    ...(held_as === undefined ? {} : { mayTakeHold: true }),
    ...(isStale === undefined ? {} : { isStale }),
  };
}
