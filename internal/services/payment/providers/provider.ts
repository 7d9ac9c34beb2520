// A payment provider as the service sees it. Adapters (stripe.ts) map every reply and every failure of a provider to these closed
// unions and never throw; circuit-breaker.ts wraps one. Called by provider-call.ts.
import type { FailureCode } from "../../../../schemas/failures.ts";
import type { ChargedCard } from "../../../../schemas/fields.ts";

/**
 * `until`, by `performance.now()`: all requests of the call are over then, however many it needs. In any case they share the adapter's
 * timeout.
 */
export interface PaymentProvider {
  /** Saved with each payment. */
  readonly name: string;
  /** Charges, or has the money held, once per idempotency key, however often it is called. */
  charge(request: ChargeRequest, until?: number): Promise<ChargeResult>;
  /** Looks for a charge of the saga in the provider ledger. */
  findCharge(request: FindRequest, until?: number): Promise<FoundCharge>;
  /** Looks up the charge with this id. */
  lookUpCharge(provider_txn_id: string, until?: number): Promise<FoundCharge>;
  /** Takes the whole money that the charge holds, once, under any key. */
  capture(request: CaptureRequest, until?: number): Promise<CaptureResult>;
  /**
   * Cancels a charge that took no money yet, and releases what it holds: `declined` and `closed`. If it took some, that is the result.
   */
  cancelCharge(provider_txn_id: string, until?: number): Promise<FoundCharge>;
  /** The page at which the shopper can confirm the charge now. Its address holds a secret. */
  actionOf(provider_txn_id: string): Promise<FoundAction>;
  /** Refunds the whole charge, once. */
  refund(request: RefundRequest, until?: number): Promise<RefundResult>;
  /** Looks for a refund of the charge in the provider ledger. */
  findRefund(provider_txn_id: string, until?: number): Promise<FoundRefund>;
}

export interface ChargeRequest {
  readonly idempotency_key: string;
  readonly saga_id: string;
  readonly amount_cents: number;
  /** ISO 4217. */
  readonly currency: string;
  /** The provider's token, unsealed. */
  readonly payment_method: string;
  /** The shopper can confirm the charge at the bank, if the bank wants that. */
  readonly shopper_present: boolean;
  /** `manual`: the money is only held; `capture` takes it. */
  readonly capture: "automatic" | "manual";
}

export interface CaptureRequest {
  readonly idempotency_key: string;
  readonly saga_id: string;
  /** Of the charge that holds the money. */
  readonly provider_txn_id: string;
}

/** The request whose charge is looked for, without its token: a provider without a search can repeat it under its key. */
export interface FindRequest extends Omit<ChargeRequest, "payment_method"> {
  /** When the charge was requested, from the first to the last time, by our clock; epoch ms. */
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
  /** If the provider's answer has it. */
  readonly card?: ChargedCard;
}
/** Definite: the money is held. */
interface Authorized {
  readonly kind: "authorized";
  readonly provider_txn_id: string;
  /** Until when it can be taken, epoch ms, if the provider says so. */
  readonly capture_before?: number;
  /** If the provider's answer has it. */
  readonly card?: ChargedCard;
}
/** Definite for the key: no money moved, and none will, unless somebody has the charge's secret and it is not `closed`. */
interface Declined {
  readonly kind: "declined";
  /** The charge is cancelled: nobody can confirm it any more. */
  readonly closed?: true;
  /** A charge that is not closed, if the provider names it. */
  readonly provider_txn_id?: string;
  readonly error_code: FailureCode;
  readonly error_message: string;
}
/** The bank wants the shopper to confirm the charge. `redirects`: at a page, and not inside the shop's own. */
interface ActionRequired {
  readonly kind: "action_required";
  readonly provider_txn_id: string;
  readonly redirects: boolean;
}
/** This call moved no money; earlier ones may have. */
interface NoEffect {
  readonly kind: "no_effect";
  readonly error_code: FailureCode;
  readonly error_message: string;
}
/** The provider does not take this call now. Nothing was done; retry later. */
export interface Deferred {
  readonly kind: "deferred";
  /**
   * `rate_limited`: we send too many calls. `unavailable`: it takes no calls from anyone. `locked`: only this charge has to wait.
   * `no_key`: the call was not sent, because the key that opens the token is not here.
   */
  readonly reason: "rate_limited" | "unavailable" | "locked" | "no_key";
  /** When to retry, as the provider says; null if it does not say. */
  readonly retry_after_ms: number | null;
}
/**
 * The provider rejects the request itself, or our credentials: our fault, not the shopper's or the card's. Nothing was done. `param`
 * and `code` are names of the provider's API; its other text may contain what a shopper typed.
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
  /** The provider repeated a result that it has stored under the key: nothing is in progress there. */
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

/** The result of a charge in the provider ledger. */
export type ProviderChargeResult = Charged | Authorized | Declined | ActionRequired | Unknown;
export type ChargeResult = ProviderChargeResult | NoEffect | Deferred | RequestRefused;
/** `declined` and not `closed`: the bank refused, and may still hold the money. */
export type CaptureResult = Charged | Omit<Declined, "provider_txn_id"> | Unknown | Deferred | RequestRefused;
export type FoundCharge = ProviderChargeResult | { readonly kind: "not_found" } | Deferred | RequestRefused;

/** `none`: the charge waits for no shopper. */
export type FoundAction =
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "none" }
  | Unknown
  | Deferred
  | RequestRefused;

interface Refunded {
  readonly kind: "succeeded";
  readonly provider_refund_id: string;
}
/** The provider has taken the refund on, but the money is not back yet, and the refund may still fail. `error_code`: for what it waits. */
interface RefundPending {
  readonly kind: "pending";
  readonly provider_refund_id: string;
  readonly error_code: string;
}
/** Definite: this refund gives nothing back and never will, even if it had succeeded before. */
interface RefundFailed {
  readonly kind: "failed";
  readonly provider_refund_id: string;
  readonly error_code: string;
}
/** `error_code` says why, for people and metrics; it is `TIMEOUT` after a timeout. */
interface NotRefunded {
  readonly kind: "not_yet";
  readonly error_code: string;
}
export type RefundResult = Refunded | RefundPending | RefundFailed | NotRefunded | Deferred | RequestRefused;
/**
 * Of several refunds of a charge the most hopeful: `succeeded` if they gave the whole charge back, else one that is pending, else the last
 * one of ours that failed. A part that somebody gave back at the provider is none: the rest must still be refunded.
 */
export type FoundRefund = RefundResult | { readonly kind: "not_found" };
