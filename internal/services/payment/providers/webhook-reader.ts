// Webhook events as every provider's adapter returns them. Implemented by stripe-events.ts; called by webhook-http.ts.
import type { ProviderApproval, ProviderCharge, ProviderDispute, ProviderRefund } from "./ledger.ts";

export interface WebhookReader {
  /** Checks that one request is from the provider and fresh, and reads its event. `now` in epoch ms. Never throws or rejects. */
  open(body: Uint8Array, headers: Headers, now: number): OpenedEvent | Promise<OpenedEvent>;
}

/**
 * What a provider reports on its own. It shows the object at the time of the event, which may be long ago. Event ids are remembered
 * across providers: if an adapter's ids may collide with another's, it prefixes them with its name.
 */
export type WebhookEvent =
  | { readonly kind: "charge"; readonly event_id: string; readonly charge: ProviderCharge }
  | { readonly kind: "refund"; readonly event_id: string; readonly refund: ProviderRefund }
  | { readonly kind: "approval"; readonly event_id: string; readonly approval: ProviderApproval }
  | { readonly kind: "dispute"; readonly event_id: string; readonly dispute: ProviderDispute };

export type OpenedEvent =
  | { readonly kind: "event"; readonly event: WebhookEvent }
  /** Signed, of a type that does not say whether money moved. */
  | { readonly kind: "ignored"; readonly type: string }
  /** A signed event with an object that this service cannot read. `fault`: where and why, never a value. */
  | { readonly kind: "unreadable"; readonly fault: string }
  /** Signed, but not an event: the endpoint is set up for another kind of payload, or the sender is broken. */
  | { readonly kind: "no_event"; readonly fault: string }
  /** Not signed by the provider, or not fresh. */
  | { readonly kind: "refused" }
  /** What is needed to check the signature cannot be fetched now: the provider must resend the event. */
  | { readonly kind: "unavailable" };
