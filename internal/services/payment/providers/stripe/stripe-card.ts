// Reads from Stripe's answers which card was charged: brand and last four digits, until when held money can be taken, and nothing else of
// the charge. Called by stripe.ts.
import { Value } from "@sinclair/typebox/value";
import type { Stripe } from "stripe";
import { ChargedCard } from "../../../../../schemas/fields.ts";

/** Asks Stripe for the charge with its card in the answer that comes anyway, so that no order needs a request more. */
export const WITH_CHARGE = { expand: ["latest_charge"] };
/** The same for lists. */
export const WITH_CHARGES = { expand: ["data.latest_charge"] };

/**
 * Undefined if the intent was paid otherwise, and if it has only the charge's id, as in webhook events. The SDK's types are not checked
 * at run time: a card in another form than expected is not known, because a receipt without it must not stop an order.
 */
export function chargedCard({ latest_charge }: Stripe.PaymentIntent): ChargedCard | undefined {
  if (typeof latest_charge !== "object") return undefined;
  const card = latest_charge?.payment_method_details?.card;
  if (card === undefined || card === null) return undefined;
  const read = { brand: card.brand ?? "unknown", last4: card.last4 };
  return Value.Check(ChargedCard, read) ? read : undefined;
}

/** Until when the held money can be taken, epoch ms; undefined if the answer does not say. */
export function captureBefore({ latest_charge }: Stripe.PaymentIntent): number | undefined {
  if (typeof latest_charge !== "object") return undefined;
  const seconds: unknown = latest_charge?.payment_method_details?.card?.capture_before;
  return typeof seconds === "number" && Number.isSafeInteger(seconds) && seconds > 0
    ? seconds * 1_000
    : undefined;
}
