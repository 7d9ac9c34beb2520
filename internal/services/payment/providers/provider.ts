// A payment provider as the service sees it. Adapters (stripe.ts) turn everything a provider can say or fail to say into these
// closed unions and never throw; circuit-breaker.ts stands in front of one. Called by ask.ts.

export interface PaymentProvider {
  /** Kept with each payment. */
  readonly name: string;
  /** Charges once per idempotency key, however often it is called. */
  charge(request: ChargeRequest): Promise<ChargeResult>;
  /** Looks for a charge of the saga in the provider's ledger. */
  findCharge(request: FindRequest): Promise<FoundCharge>;
  /** Gives the whole charge back, once. */
  refund(request: RefundRequest): Promise<RefundResult>;
  /** Looks for a refund of the charge in the provider's ledger. */
  findRefund(provider_txn_id: string): Promise<FoundRefund>;
}

export interface ChargeRequest {
  readonly idempotency_key: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  /** ISO 4217. */
  readonly currency: string;
  /** The provider's token, in clear. */
  readonly payment_method: string;
}

export interface FindRequest {
  readonly saga_id: string;
  /** When the charge was asked for, from the first to the last time, by our clock; epoch ms. */
  readonly asked: { readonly firstMs: number; readonly lastMs: number };
}

export interface RefundRequest {
  readonly idempotency_key: string;
  readonly saga_id: string;
  readonly provider_txn_id: string;
}

/** Definite: money moved. */
interface Charged {
  readonly kind: "succeeded";
  readonly provider_txn_id: string;
}
/** Definite for the key: no money moved, and none will. */
interface Declined {
  readonly kind: "declined";
  readonly error_code: string;
  readonly error_message: string;
}
/** This call moved no money; earlier ones may have. */
interface NoEffect {
  readonly kind: "no_effect";
  readonly error_code: string;
  readonly error_message: string;
}
/** The provider does not take this call for now. Nothing was done; asking again later is all there is to do. */
export interface Deferred {
  readonly kind: "deferred";
  /**
   * `rate_limited`: too many calls of ours. `unavailable`: it takes nobody's. `locked`: only this charge has to wait. `no_key`: it
   * was not called, because the key that opens the token is not here.
   */
  readonly reason: "rate_limited" | "unavailable" | "locked" | "no_key";
  /** The provider's own word on when; null where it gave none. */
  readonly retry_after_ms: number | null;
}
/**
 * The provider calls the request itself wrong, or our credentials: our fault, and neither the shopper's nor the card's. Nothing was
 * done. `param` and `code` are names of the provider's interface; what else it says may hold what a shopper typed.
 */
export interface RequestRefused {
  readonly kind: "request_refused";
  readonly param: string | null;
  readonly code: string;
}
/** It may or may not have happened. */
interface Unknown {
  readonly kind: "unknown";
  readonly reason: UnknownReason;
  /** The provider repeated an answer that it has stored under the key: nothing is under way there. */
  readonly replayed: boolean;
}
export type UnknownReason =
  | "timeout"
  | "connection_lost"
  | "server_error"
  | "key_in_use"
  | "key_reused"
  | "processing"
  | "breaker_open"
  | "too_many_to_look_through"
  | "unexpected";

/** What a charge that the provider has in its ledger says. */
export type ProviderChargeResult = Charged | Declined | Unknown;
export type ChargeResult = ProviderChargeResult | NoEffect | Deferred | RequestRefused;
export type FoundCharge = ProviderChargeResult | { readonly kind: "not_found" } | Deferred | RequestRefused;

interface Refunded {
  readonly kind: "succeeded";
  readonly provider_refund_id: string;
}
/** `error_code` says why, for people and metrics; a timeout is `TIMEOUT`. */
interface NotRefunded {
  readonly kind: "not_yet";
  readonly error_code: string;
}
export type RefundResult = Refunded | NotRefunded | Deferred | RequestRefused;
export type FoundRefund = RefundResult | { readonly kind: "not_found" };
