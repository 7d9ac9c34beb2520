// The only message on `notification-commands`: tells the shopper how the checkout ended, and that the order was shipped or cancelled. A mail fault never affects the saga.
import { type Static, Type } from "@sinclair/typebox";
import { message } from "./envelope.ts";
import {
  Cents,
  ChargedCard,
  Currency,
  Email,
  ErrorCodeText,
  LanguageTag,
  MAX_CART_LINES,
  PricedItem,
  Tracking,
  Uuid,
} from "./fields.ts";

export const SendNotification = message("SendNotification", {
  user_id: Uuid,
  email: Email,
  /** A reader that does not know a template dead-letters the message: upgrade notification before its senders. */
  template: Type.Union([
    Type.Literal("order_confirmed"),
    Type.Literal("checkout_failed"),
    Type.Literal("order_shipped"),
    Type.Literal("order_cancelled"),
  ]),
  order_id: Type.Optional(Uuid),
  items: Type.Optional(Type.Array(PricedItem, { maxItems: MAX_CART_LINES })),
  total_cents: Type.Optional(Cents),
  /** For `order_confirmed`: what was charged, if it is known. */
  card: Type.Optional(ChargedCard),
  currency: Currency,
  failure_code: Type.Optional(ErrorCodeText),
  /** In which the shopper reads. Missing, or one that the mails are not written in: English. */
  language: Type.Optional(LanguageTag),
  /** For `order_shipped`; missing if the parcel has none. */
  tracking: Type.Optional(Tracking),
});
export type SendNotification = Static<typeof SendNotification>;
