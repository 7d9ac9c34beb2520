// Stripe's signed events, opened: is this Stripe's, is it fresh, and what does it say about a charge or a refund. Called by
// ../webhook-http.ts for each request.
import { Stripe } from "stripe";
import type { BookedCharge, BookedRefund } from "./books.ts";
import { chargeOf, refundOf } from "./stripe-books.ts";

/** Stripe's own recommendation. Whoever records a request can send it again for this long; the event's id stops that. */
const TOLERANCE_SECONDS = 300;

/** What the provider tells by itself. It shows the object as it was when the event happened, which may be long ago. */
export type ProviderNotice =
  | { readonly kind: "charge"; readonly event_id: string; readonly charge: BookedCharge }
  | { readonly kind: "refund"; readonly event_id: string; readonly refund: BookedRefund };

export type OpenedEvent =
  | { readonly kind: "notice"; readonly notice: ProviderNotice }
  /** Signed, and of a type that says nothing about whether money moved. */
  | { readonly kind: "ignored"; readonly type: string }
  /** Not signed by the secret, not fresh, or no event. */
  | { readonly kind: "refused" };

/**
 * Opens one request. `signature` is its `Stripe-Signature` header, null where it has none; `now` in epoch ms. While a secret is
 * being rotated Stripe signs with both, so the one that is known here is enough.
 */
export async function openStripeEvent(
  body: Uint8Array,
  signature: string | null,
  secret: string,
  now: number,
): Promise<OpenedEvent> {
  let event: Stripe.Event;
  try {
    event = await Stripe.webhooks.constructEventAsync(
      body,
      signature ?? "",
      secret,
      TOLERANCE_SECONDS,
      undefined,
      now,
    );
  } catch {
    return { kind: "refused" };
  }
  switch (event.type) {
    case "payment_intent.succeeded":
    case "payment_intent.payment_failed":
    case "payment_intent.canceled":
      return notice({ kind: "charge", event_id: event.id, charge: chargeOf(event.data.object) });
    // `charge.refunded` says the same without the refund's id, which is what our row is settled with.
    case "refund.created":
    case "refund.updated":
    case "refund.failed":
      return notice({ kind: "refund", event_id: event.id, refund: refundOf(event.data.object) });
    default:
      return { kind: "ignored", type: event.type };
  }
}

function notice(told: ProviderNotice): OpenedEvent {
  return { kind: "notice", notice: told };
}
