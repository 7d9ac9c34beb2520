// The provider's ledger as reconciliation reads them, and what its events carry: charges and refunds by the provider's own ids.
// Implemented by stripe-ledger.ts; called by reconciliation/ and webhook.ts.
import type { ProviderChargeResult } from "./provider.ts";

/** A charge as the provider has it. */
export interface ProviderCharge {
  readonly provider_txn_id: string;
  /** As this service wrote it beside the charge; null where there is none, for example because somebody else charged. */
  readonly saga_id: string | null;
  /** Whether it carries the mark of this shop, which alone makes it ours: an account may be shared. */
  readonly isMarked: boolean;
  /** What was taken; what was asked for where nothing was. */
  readonly amount_cents: number;
  /** ISO 4217. */
  readonly currency: string;
  /** What asking for the charge would be answered. */
  readonly answer: ProviderChargeResult;
}

export interface ProviderRefund {
  readonly provider_refund_id: string;
  /** The charge that was given back. */
  readonly provider_txn_id: string | null;
  readonly saga_id: string | null;
  readonly isMarked: boolean;
  readonly amount_cents: number;
  readonly currency: string;
  readonly status: "succeeded" | "pending" | "failed";
}

/** From `fromMs` on, before `untilMs`, by the provider's clock; epoch ms, cut to whole seconds. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface LedgerPage<Entry> {
  readonly entries: readonly Entry[];
  /** Where the next page begins; null on the last one. */
  readonly next: string | null;
}

/** Every method throws PROVIDER_UNAVAILABLE, or PROVIDER_REJECTED where trying again cannot help. */
export interface ProviderLedger {
  /** One page of what was created in `span`; `after` is the `next` of the page before, null for the first. */
  charges(span: Span, after: string | null): Promise<LedgerPage<ProviderCharge>>;
  refunds(span: Span, after: string | null): Promise<LedgerPage<ProviderRefund>>;
  /** Null where the provider knows no such id. */
  charge(provider_txn_id: string): Promise<ProviderCharge | null>;
  refund(provider_refund_id: string): Promise<ProviderRefund | null>;
}
