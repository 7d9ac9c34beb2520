// Commands as the orchestrator would send them, for tests of the services. Each call is a new message with its own id.
import type {
  AuthorizePayment,
  CancelOrder,
  CancelPayment,
  CapturePayment,
  ChargePayment,
  ConfirmReservation,
  CreateOrder,
  ExtendReservation,
  RefundPayment,
  ReleaseInventory,
  ReserveInventory,
} from "../../schemas/commands.ts";

/** A cart as pairs of SKU and quantity; a SKU may come twice. */
export type Cart = readonly (readonly [sku_id: string, quantity: number])[];

export function reserveInventory(saga_id: string, cart: Cart, currency = "EUR"): ReserveInventory {
  const items = cart.map(([sku_id, quantity]) => ({ sku_id, quantity }));
  return { ...envelope(saga_id, "reserve"), type: "ReserveInventory", items, currency };
}

export function extendReservation(saga_id: string, hold_for_ms: number): ExtendReservation {
  return { ...envelope(saga_id, "reserve:extend"), type: "ExtendReservation", hold_for_ms };
}

export function confirmReservation(saga_id: string): ConfirmReservation {
  return { ...envelope(saga_id, "confirm"), type: "ConfirmReservation" };
}

export function releaseInventory(saga_id: string): ReleaseInventory {
  return { ...envelope(saga_id, "release"), type: "ReleaseInventory" };
}

/** 6.00 EUR. The token is used as it is, unless the test seals it. */
export function chargePayment(saga_id: string, payment_method = "pm_card_visa"): ChargePayment {
  return {
    ...envelope(saga_id, "charge"),
    type: "ChargePayment",
    amount_cents: 600,
    currency: "EUR",
    payment_method,
  };
}

/** The same money, held and not taken. */
export function authorizePayment(saga_id: string, payment_method?: string): AuthorizePayment {
  return { ...chargePayment(saga_id, payment_method), type: "AuthorizePayment" };
}

export function capturePayment(saga_id: string): CapturePayment {
  return { ...envelope(saga_id, "capture"), type: "CapturePayment" };
}

export function cancelPayment(saga_id: string): CancelPayment {
  return { ...envelope(saga_id, "cancel"), type: "CancelPayment" };
}

export function refundPayment(saga_id: string): RefundPayment {
  return { ...envelope(saga_id, "refund"), type: "RefundPayment" };
}

/** Two apples and a pear for 6.00 EUR to Paris, with `changes` applied. */
export function createOrder(saga_id: string, changes: Partial<CreateOrder> = {}): CreateOrder {
  return {
    ...envelope(saga_id, "order"),
    type: "CreateOrder",
    user_id: "01900000-0000-7000-8000-00000000f00d",
    items: [
      { sku_id: "apple", quantity: 2, unit_price_cents: 250 },
      { sku_id: "pear", quantity: 1, unit_price_cents: 100 },
    ],
    total_cents: 600,
    currency: "EUR",
    shipping_address: { name: "Ada", line1: "1 Road", city: "Paris", postal_code: "75001", country: "FR" },
    ...changes,
  };
}

export function cancelOrder(saga_id: string): CancelOrder {
  return { ...envelope(saga_id, "cancel_order"), type: "CancelOrder" };
}

function envelope(saga_id: string, step: string) {
  return {
    message_id: Bun.randomUUIDv7(),
    schema_version: 1,
    saga_id,
    occurred_at: "2026-11-23T12:00:00.000Z",
    idempotency_key: `${saga_id}:${step}`,
  };
}
