// Commands on `checkout-commands`, from the orchestrator to the services. Names are imperative; an undo names what it undoes.
// `idempotency_key` is `saga_id:step`: each step takes effect once, even if its command is delivered several times.
import { type Static, Type } from "@sinclair/typebox";
import { message } from "./envelope.ts";
import {
  CartItem,
  Cents,
  ChargedCard,
  Currency,
  Email,
  MAX_CART_LINES,
  MAX_SEALED_LENGTH,
  PricedItem,
  ProviderName,
  ShippingAddress,
  Uuid,
  LanguageTag,
} from "./fields.ts";

export const MAX_ANSWER_WITHIN_MS = 24 * 60 * 60 * 1_000;
/** The longest time for which a reservation can be extended. */
export const MAX_HOLD_FOR_MS = 24 * 60 * 60 * 1_000;

const idempotency_key = Type.String({ minLength: 1, maxLength: 100 });

/** A checkout without its cart (the command has it) and without its payment method (sealed in the charge). */
export const CheckoutOfSaga = Type.Object({
  user_id: Uuid,
  email: Email,
  shipping_address: ShippingAddress,
  expected_total_cents: Type.Optional(Cents),
  /** The shopper's Idempotency-Key and the hash of the request body. */
  client_key: Type.String({ minLength: 1, maxLength: 200 }),
  shopper_present: Type.Optional(Type.Boolean()),
  /** In which the shopper reads, if it is known. */
  language: Type.Optional(LanguageTag),
  /** Who takes the money. Missing: the default provider. */
  provider: Type.Optional(ProviderName),
  /** The saga table on which the saga started. Missing: 1. */
  table_version: Type.Optional(Type.Integer({ minimum: 1 })),
  body_hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
});
export type CheckoutOfSaga = Static<typeof CheckoutOfSaga>;

export const ReserveInventory = message("ReserveInventory", {
  idempotency_key,
  items: Type.Array(CartItem, { minItems: 1, maxItems: MAX_CART_LINES }),
  currency: Currency,
  /**
   * The rest of the saga's row (CheckoutOfSaga), so that `checkoutctl saga rebuild` can recreate a row that the saga database has lost
   * from the topic. Older orchestrators do not send it. No service reads or checks it: a reservation must not fail on an address.
   */
  checkout: Type.Optional(Type.Unknown()),
});
/** The payment waits for the shopper: the hold must last at least this much longer, from when the command is handled. */
export const ExtendReservation = message("ExtendReservation", {
  idempotency_key,
  hold_for_ms: Type.Integer({ minimum: 0, maximum: MAX_HOLD_FOR_MS }),
});
export const ConfirmReservation = message("ConfirmReservation", { idempotency_key });
export const ReleaseInventory = message("ReleaseInventory", { idempotency_key });

const paid = {
  idempotency_key,
  amount_cents: Cents,
  currency: Currency,
  /** Sealed with the payment service's public key (JWE compact); only that service can read it. */
  payment_method: Type.String({ minLength: 1, maxLength: MAX_SEALED_LENGTH }),
  /** How long the saga waits for the reply, in ms from `occurred_at`. Missing: no limit. */
  answer_within_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_ANSWER_WITHIN_MS })),
  /** The shopper can confirm the payment at the bank (3-D Secure). Missing: whatever needs the shopper is a decline. */
  shopper_present: Type.Optional(Type.Boolean()),
  /** Who takes the money. Missing: the default provider. */
  provider: Type.Optional(ProviderName),
};
/** Takes the money at once: table 1 of the saga. */
export const ChargePayment = message("ChargePayment", paid);
/** Has the amount held at the bank, and takes nothing: table 2 of the saga. */
export const AuthorizePayment = message("AuthorizePayment", paid);
/** Takes the money that is held. */
export const CapturePayment = message("CapturePayment", { idempotency_key });
/**
 * Settles a charge or an authorization with an outcome unknown to the saga: money that is or will be held is released, and money that
 * was or will be taken is refunded.
 */
export const CancelPayment = message("CancelPayment", { idempotency_key });
/** Refunds a charge that is known to have succeeded. */
export const RefundPayment = message("RefundPayment", { idempotency_key });

export const CreateOrder = message("CreateOrder", {
  idempotency_key,
  user_id: Uuid,
  items: Type.Array(PricedItem, { minItems: 1, maxItems: MAX_CART_LINES }),
  total_cents: Cents,
  currency: Currency,
  shipping_address: ShippingAddress,
  /** What was charged, if it is known. Older orchestrators do not send it. */
  card: Type.Optional(ChargedCard),
});
export const CancelOrder = message("CancelOrder", {
  idempotency_key,
  /** The checkout is completed: an order that was shipped is answered OrderCancelRefused. Missing: it has no reply. */
  refuse_if_shipped: Type.Optional(Type.Boolean()),
});

export type ReserveInventory = Static<typeof ReserveInventory>;
export type ExtendReservation = Static<typeof ExtendReservation>;
export type ConfirmReservation = Static<typeof ConfirmReservation>;
export type ReleaseInventory = Static<typeof ReleaseInventory>;
export type ChargePayment = Static<typeof ChargePayment>;
export type AuthorizePayment = Static<typeof AuthorizePayment>;
export type CapturePayment = Static<typeof CapturePayment>;
export type CancelPayment = Static<typeof CancelPayment>;
export type RefundPayment = Static<typeof RefundPayment>;
export type CreateOrder = Static<typeof CreateOrder>;
export type CancelOrder = Static<typeof CancelOrder>;

export type InventoryCommand = ReserveInventory | ExtendReservation | ConfirmReservation | ReleaseInventory;
export type PaymentCommand =
  ChargePayment | AuthorizePayment | CapturePayment | CancelPayment | RefundPayment;
export type OrderCommand = CreateOrder | CancelOrder;
export type Command = InventoryCommand | PaymentCommand | OrderCommand;
