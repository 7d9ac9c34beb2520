// The provider ledger as reconciliation reads it and as webhook events carry it: charges and refunds with the provider's own ids.
// Implemented by stripe-ledger.ts; called by reconciliation/ and webhook.ts.
import type { ProviderChargeResult } from "./provider.ts";

/** A charge in the provider ledger. */
export interface ProviderCharge {
  readonly provider_txn_id: string;
  /**
   * The charge's id while its money was only held, if it was and had another one then; null if the provider does not say which. Missing
   * where a charge keeps its id.
   */
  readonly held_as?: string | null;
  /** As this service saved it with the charge; null if there is none, for example because another shop charged. */
  readonly saga_id: string | null;
  /** Whether it has the mark of this shop. Only the mark makes it ours, because an account may be shared. */
  readonly isMarked: boolean;
  /** The amount that was taken, or the requested amount if nothing was taken. */
  readonly amount_cents: number;
  /** ISO 4217. */
  readonly currency: string;
  /** The result that a request for this charge would get. */
  readonly answer: ProviderChargeResult;
  /** A list says that the money was held, and not what became of it since: `charge` says it, asked by this id. */
  readonly isStale?: true;
}

export interface ProviderRefund {
  readonly provider_refund_id: string;
  /** The refunded charge. */
  readonly provider_txn_id: string | null;
  readonly saga_id: string | null;
  /** Whether the refunded charge is this shop's. */
  readonly isMarked: boolean;
  /** Whether this service requested it: people refund at the provider, too. */
  readonly isRequestedHere: boolean;
  readonly amount_cents: number;
  readonly currency: string;
  readonly status: "succeeded" | "pending" | "failed";
  /** Why it is pending or failed: our code, for people. Null if it succeeded. */
  readonly error_code: string | null;
}

/** The shopper agreed to a charge. No money moved by that: it moves when the charge is looked up. */
export type ProviderApproval = Pick<ProviderCharge, "provider_txn_id" | "saga_id" | "isMarked">;

/** The shopper asked their bank to take back the money of a charge. It has no mark of ours: the charge says whose it is. */
export interface ProviderDispute {
  readonly provider_dispute_id: string;
  /** The disputed charge. */
  readonly provider_txn_id: string | null;
  readonly amount_cents: number;
  readonly currency: string;
  /** `open`: the bank has not decided. `won`: the shop keeps the money. */
  readonly status: "open" | "won" | "lost";
  /** The provider's name of the reason; null if it gives none. */
  readonly reason: string | null;
  /** Until when the provider takes the shop's evidence, epoch ms; null if it takes none. */
  readonly respond_by: number | null;
}

/** From `fromMs` up to, but not including, `untilMs`, by the provider's clock; epoch ms, cut to whole seconds. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface LedgerPage<Entry> {
  readonly entries: readonly Entry[];
  /** Where the next page begins; null on the last page. */
  readonly next: string | null;
  /** The provider does not list so much at once: the span must be read in parts. */
  readonly isTooLong?: true;
}

/** Every method throws PROVIDER_UNAVAILABLE, or PROVIDER_REJECTED if a retry cannot help. */
export interface ProviderLedger {
  /** One page of the entries created in `span`; `after` is the `next` of the previous page, null for the first. */
  charges(span: Span, after: string | null): Promise<LedgerPage<ProviderCharge>>;
  refunds(span: Span, after: string | null): Promise<LedgerPage<ProviderRefund>>;
  /** Null if the provider does not know the id. */
  charge(provider_txn_id: string): Promise<ProviderCharge | null>;
  refund(provider_refund_id: string): Promise<ProviderRefund | null>;
  /** Only for a provider whose disputes are reported. */
  dispute?(provider_dispute_id: string): Promise<ProviderDispute | null>;
}
