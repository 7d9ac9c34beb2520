// The cancellation of a completed checkout's order in the model (docs/adr/0015), and what it races with: parcels that are sent and
// come back. Called by actions.ts; the invariants are called by model.ts.
import { assert } from "../../kernel/errors.ts";
import type { Event } from "../../../schemas/events.ts";
import { isCancellationReply, type OrderCancellation } from "../../orchestrator/order-cancellation.ts";
import { decideShipment } from "../../services/order/shipment.ts";
import type { Successor } from "./explore.ts";
import type { Rules } from "./rules.ts";
import { replaceAt, SAGA_POLICY, send, spend, type World } from "./world.ts";

const WHO = { actor: "", reason: "" };

/** What operators do with the order of a finished checkout, and the resends of its cancellation. */
export function cancellingActions(world: World, saga: number, rules: Rules): Successor<World>[] {
  const next: Successor<World>[] = [];
  const add = (action: string, to: World) => void next.push({ action, world: to });
  const { position } = world.sagas[saga]!;
  const { order } = world.rows[saga]!;
  if (position.kind !== "completed") return next;
  const all = world.cancellations[saga] ?? [];
  const isRunning = all.some(({ status }) => status !== "REFUSED");
  if (world.left.orderCancels > 0 && !(rules.cancelsOnce && isRunning)) {
    const { cancellation, out } = rules.startCancellation(
      `c${all.length + 1}`,
      world.sagas[saga]!,
      0,
      SAGA_POLICY,
    );
    const begun = {
      ...spend(world, "orderCancels"),
      cancellations: withNewest(world, saga, cancellation, true),
    };
    add("order cancel", send(begun, saga, out));
  }
  const newest = all.at(-1);
  if (newest?.status === "CANCELLING" && world.left.resends > 0) {
    const { cancellation, out } = rules.resendCommand(newest, 0, SAGA_POLICY);
    const again = { ...spend(world, "resends"), cancellations: withNewest(world, saga, cancellation) };
    add("resend of the cancellation", send(again, saga, out));
  }
  if (order !== null && world.left.shipments > 0) {
    const { order_id, saga_id, status } = order;
    const shipped = decideShipment({ order_id, saga_id, status, tracking: null }, { kind: "ship", ...WHO });
    if (shipped.kind === "changed" && order.details !== null) {
      const sent = { ...order, status: "SHIPPED" as const, details: order.details };
      add("ship", send(withOrder(spend(world, "shipments"), saga, sent, true), saga, shipped.out));
    }
  }
  // As the runbook says: the goods come back, and an operator sets the order to CONFIRMED.
  if (order?.status === "SHIPPED" && world.left.returns > 0)
    add("return", withOrder(spend(world, "returns"), saga, { ...order, status: "CONFIRMED" }, false));
  return next;
}

/** The world after a reply to the newest cancellation of this checkout; null if the event is for the checkout itself. */
export function cancellingEvent(world: World, saga: number, event: Event, rules: Rules): World | null {
  const before = world.cancellations[saga]?.at(-1);
  if (before === undefined || !isCancellationReply(event)) return null;
  const checkout = world.sagas[saga]!;
  const { cancellation, out } = rules.decideCancellation(before, checkout, event, 0, SAGA_POLICY);
  const isReopened = before.status === "CANCELLED" && cancellation !== before;
  const moved = { ...world, cancellations: withNewest(world, saga, cancellation) };
  return send(isReopened ? { ...moved, broken: "a cancellation that is over stays over" } : moved, saga, out);
}

/** The invariants of a completed checkout: order, money and stock agree, and a parcel is never undone. */
export function violationsOfCompleted(world: World, saga: number, isFree: boolean): readonly string[] {
  const found: string[] = [];
  const must = (holds: boolean, what: string) => void (holds || found.push(`saga-${saga}: ${what}`));
  const { order, reservation, account } = world.rows[saga]!;
  const paid = isFree ? 0 : 1;
  const net = account.charges - account.refunds;
  const isKept = reservation?.status === "CONFIRMED";
  const isLive = order !== null && order.status !== "CANCELLED";
  const newest = world.cancellations[saga]?.at(-1);
  must(order !== null, "a completed saga has an order");
  // Money goes back only after the order is cancelled, stock only after the money.
  must(net === paid || !isLive, "a live order is paid");
  must(isKept || !isLive, "a live order has its stock confirmed");
  must(isKept || net === 0, "stock is given back after the money");
  must(world.parcels[saga] !== true || isLive, "an order on its way is not cancelled");
  if (newest?.status === "CANCELLED") {
    must(!isLive, "an order whose cancellation is over is cancelled");
    must(net === 0, "a cancelled order keeps no money");
    must(!isKept, "a cancelled order holds no stock");
  }
  const isIdle = world.inFlight.length + world.calls.length === 0 && newest?.status !== "CANCELLING";
  must(isLive || newest?.status === "CANCELLED" || !isIdle, "an order is not cancelled without its refund");
  return found;
}

function withNewest(
  { cancellations }: World,
  saga: number,
  cancellation: OrderCancellation,
  isNew = false,
): World["cancellations"] {
  const all = cancellations[saga] ?? [];
  assert(isNew || all.length > 0, "only an existing cancellation moves");
  return replaceAt(cancellations, saga, [...(isNew ? all : all.slice(0, -1)), cancellation]);
}

function withOrder(
  world: World,
  saga: number,
  order: NonNullable<World["rows"][number]["order"]>,
  isOnItsWay: boolean,
): World {
  const rows = replaceAt(world.rows, saga, { ...world.rows[saga]!, order });
  return { ...world, rows, parcels: replaceAt(world.parcels, saga, isOnItsWay) };
}
