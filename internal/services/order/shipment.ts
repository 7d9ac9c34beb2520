// What happens to an order after its checkout: an operator ships it and records that it arrived. Pure; called by ship.ts.
//
// Each request moves the order at most once: a repeat changes nothing and sends nothing.
import type { Tracking } from "../../../schemas/fields.ts";
import type { DeliverOrder, OrderStatus, ShipOrder } from "../../../schemas/http.ts";
import { assertNever } from "../../kernel/errors.ts";
import type { Outgoing } from "../../messaging/handler.ts";

/** The part of an order that shipping reads and changes. */
export interface Shipment {
  readonly order_id: string;
  readonly saga_id: string;
  readonly status: OrderStatus;
  readonly tracking: Tracking | null;
}

interface ByOperator {
  /** From the request's token. */
  readonly actor: string;
}

export type ShipmentRequest = ByOperator &
  (
    | ({ readonly kind: "ship" } & Readonly<ShipOrder>)
    | ({ readonly kind: "deliver" } & Readonly<DeliverOrder>)
  );

export type ShipmentDecision =
  | { readonly kind: "changed"; readonly shipment: Shipment; readonly out: readonly Outgoing[] }
  /** The order was already so. */
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly reason: string };

export function decideShipment(shipment: Shipment, request: ShipmentRequest): ShipmentDecision {
  switch (request.kind) {
    case "ship":
      return ship(shipment, request);
    case "deliver":
      return deliver(shipment, request);
    default:
      return assertNever(request);
  }
}

function ship(shipment: Shipment, request: ShipOrder & ByOperator): ShipmentDecision {
  const { status } = shipment;
  const tracking = request.tracking ?? null;
  switch (status) {
    case "CONFIRMED":
      return shipped({ ...shipment, status: "SHIPPED", tracking }, request, false);
    case "SHIPPED":
    case "DELIVERED": {
      if (isSameParcel(shipment.tracking, tracking)) return { kind: "unchanged" };
      if (request.correct === true && status === "SHIPPED")
        return shipped({ ...shipment, tracking }, request, true);
      const hint = status === "SHIPPED" ? ": correct it with --correct" : "";
      return refused(`the order is ${status} with ${parcelText(shipment.tracking)}${hint}`);
    }
    case "CANCELLED":
      return refused("the order is CANCELLED: nothing may be sent");
    default:
      return assertNever(status);
  }
}

function deliver(shipment: Shipment, { actor, reason }: DeliverOrder & ByOperator): ShipmentDecision {
  const { order_id, saga_id, status } = shipment;
  switch (status) {
    case "SHIPPED":
      return {
        kind: "changed",
        shipment: { ...shipment, status: "DELIVERED" },
        out: [{ type: "OrderDelivered", saga_id, order_id, actor, reason }],
      };
    case "DELIVERED":
      return { kind: "unchanged" };
    case "CONFIRMED":
      return refused("the order is CONFIRMED: ship it first");
    case "CANCELLED":
      return refused("the order is CANCELLED");
    default:
      return assertNever(status);
  }
}

function shipped(
  shipment: Shipment,
  { actor, reason }: ShipOrder & ByOperator,
  corrected: boolean,
): ShipmentDecision {
  const { order_id, saga_id, tracking } = shipment;
  const event: Outgoing = {
    type: "OrderShipped",
    saga_id,
    order_id,
    ...(tracking === null ? {} : { tracking }),
    ...(corrected ? { corrected } : {}),
    actor,
    reason,
  };
  return { kind: "changed", shipment, out: [event] };
}

function refused(reason: string): ShipmentDecision {
  return { kind: "refused", reason };
}

function isSameParcel(a: Tracking | null, b: Tracking | null): boolean {
  if (a === null || b === null) return a === b;
  return a.carrier === b.carrier && a.number === b.number && a.url === b.url;
}

function parcelText(tracking: Tracking | null): string {
  return tracking === null ? "no tracking" : `tracking ${tracking.number} of ${tracking.carrier}`;
}
