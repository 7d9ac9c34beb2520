// Events from the services to the orchestrator. Names are in the past tense. A refusal is also an event.
import { type Static, Type } from "@sinclair/typebox";
import { message } from "./envelope.ts";
import {
  Actor,
  Cents,
  ChargedCard,
  Currency,
  ErrorCodeText,
  ErrorMessage,
  MAX_CART_LINES,
  Quantity,
  Reason,
  SkuId,
  Timestamp,
  Tracking,
  Uuid,
} from "./fields.ts";

const sku_ids = Type.Array(SkuId, { minItems: 1, maxItems: MAX_CART_LINES });
const error = { error_code: ErrorCodeText, error_message: ErrorMessage };

// inventory-events
export const InventoryReserved = message("InventoryReserved", {
  reservation_id: Uuid,
  /** The current prices: the reservation freezes them, and the saga charges exactly these. */
  items: Type.Array(
    Type.Object({ sku_id: SkuId, quantity: Quantity, unit_price_cents: Cents, reserved_until: Timestamp }),
    { minItems: 1, maxItems: MAX_CART_LINES },
  ),
});
/** Nothing was reserved because of `sku_ids`. SKUs with another reason than missing stock are also in a list below. */
export const InsufficientStock = message("InsufficientStock", {
  sku_ids,
  /** These SKUs do not exist. */
  unknown_sku_ids: Type.Optional(sku_ids),
  /** These SKUs are sold in another currency than the cart's. */
  other_currency_sku_ids: Type.Optional(sku_ids),
});
export const InventoryReleased = message("InventoryReleased", {});
/** Reply to ExtendReservation. If the hold is gone, the reply is ReservationExpired. */
export const ReservationExtended = message("ReservationExtended", {
  reservation_id: Uuid,
  reserved_until: Timestamp,
});
export const ReservationConfirmed = message("ReservationConfirmed", { reservation_id: Uuid });
/** The reservation had expired, and another checkout has taken its stock. */
export const ReservationLost = message("ReservationLost", {
  sku_ids: Type.Array(SkuId, { maxItems: MAX_CART_LINES }),
});
/**
 * Sent by the sweeper without a command: the hold expired and the stock is available again. Also the reply to a command that needs
 * the hold and comes too late.
 */
export const ReservationExpired = message("ReservationExpired", { reservation_id: Uuid });

// payment-events
/**
 * How long a new charge currently waits before its provider request, in ms. Only set while the provider limits the rate. The
 * intake should then accept fewer checkouts.
 */
const charge_wait_ms = Type.Optional(Type.Integer({ minimum: 0 }));
/** The amount is held at the bank and not taken. A CapturePayment takes it. */
export const PaymentAuthorized = message("PaymentAuthorized", {
  payment_id: Uuid,
  /** The provider's id of the authorization. */
  transaction_id: Type.String({ minLength: 1, maxLength: 200 }),
  amount_cents: Cents,
  currency: Currency,
  /** Until when the money can be taken, if the provider says so. */
  capture_before: Type.Optional(Timestamp),
  /** Missing if it is not known. */
  card: Type.Optional(ChargedCard),
  charge_wait_ms,
});
/** The money is taken: reply to ChargePayment and to CapturePayment. */
export const PaymentSucceeded = message("PaymentSucceeded", {
  payment_id: Uuid,
  /** The provider's id of the charge. */
  transaction_id: Type.String({ minLength: 1, maxLength: 200 }),
  amount_cents: Cents,
  currency: Currency,
  /** Missing if it is not known, and from older payment services. */
  card: Type.Optional(ChargedCard),
  charge_wait_ms,
});
/**
 * The charge waits for the shopper, who must confirm it at the bank (3-D Secure). A result follows. The address of the bank's page is
 * not here: it holds a secret, so the gateway fetches it from the payment service on demand.
 */
export const PaymentActionRequired = message("PaymentActionRequired", {
  payment_id: Uuid,
  kind: Type.Literal("redirect"),
  /** The payment service's wish; the saga may wait less. */
  expires_at: Timestamp,
});
/** No money moved and none will: reply to ChargePayment, AuthorizePayment and CapturePayment. */
export const PaymentFailed = message("PaymentFailed", { ...error, charge_wait_ms });
/** Reply to CancelPayment: no money moved and none will. */
export const PaymentCancelled = message("PaymentCancelled", {});
/** Reply to RefundPayment, or to CancelPayment if the charge had succeeded: the money is refunded. */
export const RefundCompleted = message("RefundCompleted", { payment_id: Uuid, amount_cents: Cents });

// order-events
export const OrderCreated = message("OrderCreated", { order_id: Uuid, user_id: Uuid, total_cents: Cents });
export const OrderFailed = message("OrderFailed", error);
export const OrderCancelled = message("OrderCancelled", {});
/** Reply to a CancelOrder with `refuse_if_shipped`: the parcel is on its way, and nothing was done. */
export const OrderCancelRefused = message("OrderCancelRefused", {
  order_id: Uuid,
  order_status: Type.String({ maxLength: 100 }),
  /** Of the refused command. Older order services do not send it. */
  idempotency_key: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
});
/** An operator has shipped the order, or corrected its tracking. It moves no saga: the shopper gets a mail. */
export const OrderShipped = message("OrderShipped", {
  order_id: Uuid,
  /** Missing: a parcel without tracking. */
  tracking: Type.Optional(Tracking),
  /** The order was shipped before, with other tracking. */
  corrected: Type.Optional(Type.Boolean()),
  actor: Actor,
  reason: Reason,
});
/** An operator has recorded that the parcel arrived. It moves no saga. */
export const OrderDelivered = message("OrderDelivered", { order_id: Uuid, actor: Actor, reason: Reason });

// any service
/** A forward command came after the undo of its step (a tombstone). Nothing was done. */
export const CommandRefused = message("CommandRefused", {
  command_id: Uuid,
  command_type: Type.String({ maxLength: 100 }),
});
/** A command failed after all its retries and waits in the dead-letter topic for an operator. */
export const CommandDeadLettered = message("CommandDeadLettered", {
  command_id: Uuid,
  command_type: Type.String({ maxLength: 100 }),
  ...error,
});

export type InventoryReserved = Static<typeof InventoryReserved>;
export type InsufficientStock = Static<typeof InsufficientStock>;
export type InventoryReleased = Static<typeof InventoryReleased>;
export type ReservationExtended = Static<typeof ReservationExtended>;
export type ReservationConfirmed = Static<typeof ReservationConfirmed>;
export type ReservationLost = Static<typeof ReservationLost>;
export type ReservationExpired = Static<typeof ReservationExpired>;
export type PaymentAuthorized = Static<typeof PaymentAuthorized>;
export type PaymentSucceeded = Static<typeof PaymentSucceeded>;
export type PaymentActionRequired = Static<typeof PaymentActionRequired>;
export type PaymentFailed = Static<typeof PaymentFailed>;
export type PaymentCancelled = Static<typeof PaymentCancelled>;
export type RefundCompleted = Static<typeof RefundCompleted>;
export type OrderCreated = Static<typeof OrderCreated>;
export type OrderFailed = Static<typeof OrderFailed>;
export type OrderCancelled = Static<typeof OrderCancelled>;
export type OrderCancelRefused = Static<typeof OrderCancelRefused>;
export type OrderShipped = Static<typeof OrderShipped>;
export type OrderDelivered = Static<typeof OrderDelivered>;
export type CommandRefused = Static<typeof CommandRefused>;
export type CommandDeadLettered = Static<typeof CommandDeadLettered>;

export type InventoryEvent =
  | InventoryReserved
  | InsufficientStock
  | InventoryReleased
  | ReservationExtended
  | ReservationConfirmed
  | ReservationLost
  | ReservationExpired;
export type PaymentEvent =
  | PaymentAuthorized
  | PaymentSucceeded
  | PaymentActionRequired
  | PaymentFailed
  | PaymentCancelled
  | RefundCompleted;
export type OrderEvent =
  OrderCreated | OrderFailed | OrderCancelled | OrderCancelRefused | OrderShipped | OrderDelivered;
export type Event = InventoryEvent | PaymentEvent | OrderEvent | CommandRefused | CommandDeadLettered;
