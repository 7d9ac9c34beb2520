// The services' replies to the orchestrator, for its tests. Each call returns a new message with its own id.
import type { Event } from "../../schemas/events.ts";

export const UNIT_PRICE_CENTS = 500;

const CHARGE_CENTS = 2 * UNIT_PRICE_CENTS;

/** An event of this type for a saga with the cart of testkit/orchestrator.ts. */
export function eventOf(type: Event["type"], sagaId: string): Event {
  const envelope = {
    message_id: Bun.randomUUIDv7(),
    schema_version: 1,
    saga_id: sagaId,
    occurred_at: "2026-11-23T12:00:01.000Z",
  };
  const id = Bun.randomUUIDv7();
  const error = { error_code: "REFUSED_IN_TEST", error_message: "the test refused it" };
  switch (type) {
    case "InventoryReserved": {
      const reserved_until = "2026-11-23T12:05:00.000Z";
      const line = { sku_id: "tea", quantity: 2, unit_price_cents: UNIT_PRICE_CENTS, reserved_until };
      return { ...envelope, type, reservation_id: id, items: [line] };
    }
    case "InsufficientStock":
    case "ReservationLost":
      return { ...envelope, type, sku_ids: ["tea"] };
    case "ReservationConfirmed":
    case "ReservationExpired":
      return { ...envelope, type, reservation_id: id };
    case "ReservationExtended":
      return { ...envelope, type, reservation_id: id, reserved_until: "2026-11-23T12:10:31.000Z" };
    case "PaymentActionRequired":
      return { ...envelope, type, payment_id: id, kind: "redirect", expires_at: "2026-11-23T12:10:01.000Z" };
    case "PaymentAuthorized":
    case "PaymentSucceeded": {
      const card = { brand: "visa", last4: "4242" };
      const charge = { transaction_id: "pi_1", amount_cents: CHARGE_CENTS, currency: "EUR", card };
      return { ...envelope, type, payment_id: id, ...charge };
    }
    case "RefundCompleted":
      return { ...envelope, type, payment_id: id, amount_cents: CHARGE_CENTS };
    case "OrderCreated":
      return { ...envelope, type, order_id: id, user_id: id, total_cents: CHARGE_CENTS };
    case "OrderShipped": {
      const tracking = { carrier: "DHL", number: "JD014600003" };
      return { ...envelope, type, order_id: id, tracking, actor: "ada", reason: "packed" };
    }
    case "OrderCancelRefused":
      return { ...envelope, type, order_id: id, order_status: "SHIPPED" };
    case "OrderDelivered":
      return { ...envelope, type, order_id: id, actor: "ada", reason: "the carrier says so" };
    case "PaymentFailed":
    case "OrderFailed":
      return { ...envelope, type, ...error };
    case "CommandRefused":
      return { ...envelope, type, command_id: id, command_type: "CreateOrder" };
    case "CommandDeadLettered":
      return { ...envelope, type, command_id: id, command_type: "ChargePayment", ...error };
    case "InventoryReleased":
    case "PaymentCancelled":
    case "OrderCancelled":
      return { ...envelope, type };
    default:
      return type satisfies never;
  }
}
