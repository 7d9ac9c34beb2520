// Webhook events as every provider's adapter hands them over. Implemented by stripe-events.ts; called by webhook-http.ts.
import type { ProviderCharge, ProviderRefund } from "./ledger.ts";

export interface WebhookReader {
  /** Opens one request: is it the provider's, is it fresh, what does it say. `now` in epoch ms. Never throws. */
  open(body: Uint8Array, headers: Headers, now: number): OpenedEvent;
}

/**
 * What a provider reports by itself. It shows the object as it was when the event happened, which may be long ago. Event
 * ids are remembered across providers: an adapter whose ids may collide with another's puts its name before them.
 */
export type WebhookEvent =
  | { readonly kind: "charge"; readonly event_id: string; readonly charge: ProviderCharge }
  | { readonly kind: "refund"; readonly event_id: string; readonly refund: ProviderRefund };

export type OpenedEvent =
  | { readonly kind: "event"; readonly event: WebhookEvent }
  /** Signed, and of a type that says nothing about whether money moved. */
  | { readonly kind: "ignored"; readonly type: string }
  /** Signed, and an event, and its object is not what this service can read. `fault`: where and why, never a value. */
  | { readonly kind: "unreadable"; readonly fault: string }
  /** Signed, and no event: the endpoint is set up for another kind of payload, or the sender is broken. */
  | { readonly kind: "no_event"; readonly fault: string }
  /** Not signed by the secret, or not fresh. */
  | { readonly kind: "refused" };
