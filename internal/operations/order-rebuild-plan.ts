// Where an order stood before its database was restored from a backup, from what the order service had sent, what operators did and
// what the saga database knows. Pure. Called by order-rebuild.ts for each order.
//
// An order only goes forward: the backup's own state is kept where the traces say less.
import type { Static } from "@sinclair/typebox";
import {
  type ChargedCard,
  ERASED,
  type PricedItem,
  type ShippingAddress,
  type Tracking,
} from "../../schemas/fields.ts";
import type { OrderStatus, SagaStatus } from "../../schemas/http.ts";

/** An order in the restored database. Times here are epoch ms. */
export interface StoredOrder {
  readonly order_id: string;
  readonly saga_id: string;
  readonly status: OrderStatus;
  readonly tracking: Tracking | null;
  readonly updated_at: number;
  readonly shipped_at: number | null;
  readonly delivered_at: number | null;
}

export interface MadeOrder extends StoredOrder {
  /** Null for a tombstone: cancelled before it was created. */
  readonly user_id: string | null;
  readonly items: readonly Static<typeof PricedItem>[];
  readonly total_cents: number;
  readonly currency: string | null;
  readonly shipping_address: Static<typeof ShippingAddress> | null;
  readonly card: ChargedCard | null;
  readonly created_at: number;
}

/** An event of the order service. */
export interface ToldEvent {
  readonly event_id: string;
  readonly saga_id: string;
  readonly type:
    | "OrderCreated"
    | "OrderFailed"
    | "OrderCancelled"
    | "OrderCancelRefused"
    | "OrderShipped"
    | "OrderDelivered"
    | "CommandRefused";
  readonly order_id: string | null;
  readonly tracking: Tracking | null;
  readonly at: number;
}

/** A line of the audit trail. Its id is that of the event that brought it. */
export interface ShippingAct {
  readonly event_id: string;
  readonly saga_id: string;
  readonly order_id: string;
  readonly action: "order.ship" | "order.deliver";
  /** Whether the parcel had tracking; the number is not in the trail. */
  readonly has_tracking: boolean;
  readonly at: number;
}

/** The checkout, which keeps what was ordered. */
export interface OrderedSaga {
  readonly saga_id: string;
  readonly status: SagaStatus;
  readonly order_id: string | null;
  readonly user_id: string;
  readonly priced_items: readonly Static<typeof PricedItem>[] | null;
  readonly total_cents: number | null;
  readonly currency: string;
  readonly shipping_address: Static<typeof ShippingAddress>;
  readonly card: ChargedCard | null;
  readonly completed_at: number | null;
}

/** What is known of one checkout's order since the backup; lists oldest first. */
export interface OrderTraces {
  readonly saga_id: string;
  readonly told: readonly ToldEvent[];
  readonly acts: readonly ShippingAct[];
  /** The tracking in the newest mail about the parcel; null if there is none. */
  readonly mailed: Tracking | null;
  /** When a cancellation of the finished order had the order cancelled; null if there is none. */
  readonly cancelled_at: number | null;
  /** The oldest CancelOrder; a tombstone has its id. */
  readonly cancel_id: string | null;
  readonly saga: OrderedSaga | null;
}

export interface PlannedOrder {
  readonly change:
    | { readonly kind: "made"; readonly order: MadeOrder }
    | { readonly kind: "moved"; readonly before: StoredOrder; readonly after: StoredOrder }
    | null;
  /** What no source can give back, or what contradicts itself. */
  readonly open: readonly OpenPoint[];
}

export interface OpenPoint {
  readonly order_id: string;
  readonly saga_id: string;
  readonly what: string;
}

const RANK: Readonly<Record<OrderStatus, number>> = { CONFIRMED: 0, SHIPPED: 1, DELIVERED: 2, CANCELLED: 3 };

export function planOrder(stored: StoredOrder | null, traces: OrderTraces): PlannedOrder {
  if (stored !== null) {
    const { after, open } = follow(stored, traces);
    return { change: isSame(stored, after) ? null : { kind: "moved", before: stored, after }, open };
  }
  const lost = lostOrder(traces);
  if (lost === null) return { change: null, open: [] };
  if ("what" in lost) return { change: null, open: [lost] };
  const { after, open } = follow(lost, traces);
  const { order_id, saga_id } = after;
  const what = "its address was erased from the saga database";
  const isToSend = after.status === "CONFIRMED" && after.shipping_address?.name === ERASED.line;
  return {
    change: { kind: "made", order: after },
    open: isToSend ? [...open, { order_id, saga_id, what }] : open,
  };
}

/** Moves an order along its traces. */
function follow<Order extends StoredOrder>(
  start: Order,
  traces: OrderTraces,
): { readonly after: Order; readonly open: readonly OpenPoint[] } {
  const parcel = parcelOf(traces);
  const cancelled = firstOf(traces, "OrderCancelled");
  const cancelledAt = cancelled?.at ?? traces.cancelled_at ?? undoneAt(traces.saga);
  const deliveredAt = firstOf(traces, "OrderDelivered")?.at ?? actOf(traces, "order.deliver")?.at ?? null;
  const reached = reachedBy(cancelledAt, deliveredAt, parcel);
  const times = [start.updated_at, cancelledAt, deliveredAt, parcel?.lastAt].filter(isTime);
  const after = {
    ...start,
    status: reached !== null && RANK[reached] > RANK[start.status] ? reached : start.status,
    tracking: parcel === null || parcel.tracking === "lost" ? start.tracking : parcel.tracking,
    shipped_at: start.shipped_at ?? parcel?.firstAt ?? null,
    delivered_at: start.delivered_at ?? deliveredAt,
    updated_at: Math.max(...times),
  };
  const { order_id, saga_id } = start;
  const whats = [
    ...(parcel?.tracking === "lost" && start.tracking === null
      ? ["it was shipped with tracking that no source has any more: repeat `order ship` with --correct"]
      : []),
    ...(parcel !== null && cancelled !== undefined && cancelled.event_id < parcel.lastId
      ? ["it was cancelled and shipped afterwards: a person must decide about the parcel"]
      : []),
  ];
  return { after, open: whats.map((what) => ({ order_id, saga_id, what })) };
}

function reachedBy(
  cancelledAt: number | null,
  deliveredAt: number | null,
  parcel: Parcel | null,
): OrderStatus | null {
  if (cancelledAt !== null) return "CANCELLED";
  if (deliveredAt !== null) return "DELIVERED";
  return parcel === null ? null : "SHIPPED";
}

/** An order that the restored database does not have, as it was created; or why it cannot be made. Null if there was none. */
function lostOrder(traces: OrderTraces): MadeOrder | OpenPoint | null {
  const { saga_id, saga, told, acts, cancel_id } = traces;
  const created = told.find(({ type }) => type === "OrderCreated");
  const named = told.find(({ order_id, type }) => order_id !== null && type !== "OrderCancelRefused");
  const completed = saga?.status === "COMPLETED" ? saga.order_id : null;
  const order_id = named?.order_id ?? completed ?? acts[0]?.order_id ?? null;
  const base = { saga_id, tracking: null, shipped_at: null, delivered_at: null };
  if (order_id === null) {
    const cancelled = told.find(({ type }) => type === "OrderCancelled");
    if (cancelled === undefined) return null;
    const { event_id, at } = cancelled;
    const of = { user_id: null, currency: null, shipping_address: null, card: null };
    const nothing = { ...of, items: [], total_cents: 0 };
    const tombstone = { order_id: cancel_id ?? event_id, status: "CANCELLED" as const, created_at: at };
    return { ...base, ...nothing, ...tombstone, updated_at: at };
  }
  const created_at = created?.at ?? saga?.completed_at ?? acts[0]?.at;
  if (saga?.priced_items == null || saga.total_cents === null || created_at === undefined)
    return { order_id, saga_id, what: "the order is lost: the saga database does not say what was ordered" };
  const { user_id, priced_items: items, total_cents, currency, shipping_address, card } = saga;
  const details = { user_id, items, total_cents, currency, shipping_address, card };
  return { ...base, ...details, order_id, status: "CONFIRMED", created_at, updated_at: created_at };
}

/** A checkout that was undone after its order was created has cancelled it. */
function undoneAt(saga: OrderedSaga | null): number | null {
  return saga?.status === "COMPENSATED" ? saga.completed_at : null;
}

interface Parcel {
  readonly firstAt: number;
  readonly lastAt: number;
  readonly lastId: string;
  readonly tracking: Tracking | null | "lost";
}

/** From the events; where Kafka has dropped one, from the audit trail and the mail. */
function parcelOf({ told, acts, mailed }: OrderTraces): Parcel | null {
  const events = told.filter(({ type }) => type === "OrderShipped");
  const known = new Set(events.map(({ event_id }) => event_id));
  const shipped = [
    ...events.map(({ event_id, at, tracking }) => ({ event_id, at, tracking })),
    ...acts
      .filter(({ action, event_id }) => action === "order.ship" && !known.has(event_id))
      .map(({ event_id, at, has_tracking }) => ({
        event_id,
        at,
        tracking: has_tracking ? (mailed ?? ("lost" as const)) : null,
      })),
  ].toSorted((a, b) => (a.event_id < b.event_id ? -1 : 1));
  const [first, last] = [shipped[0], shipped.at(-1)];
  if (first === undefined || last === undefined) return null;
  return { firstAt: first.at, lastAt: last.at, lastId: last.event_id, tracking: last.tracking };
}

/** A repeated command brings the same event again, later. */
function firstOf({ told }: OrderTraces, type: ToldEvent["type"]): ToldEvent | undefined {
  return told.find((event) => event.type === type);
}

function actOf({ acts }: OrderTraces, action: ShippingAct["action"]): ShippingAct | undefined {
  return acts.find((act) => act.action === action);
}

function isTime(at: number | null | undefined): at is number {
  return at !== null && at !== undefined;
}

function isSame(before: StoredOrder, after: StoredOrder): boolean {
  const textOf = ({ status, tracking, shipped_at, delivered_at }: StoredOrder) =>
    JSON.stringify([status, tracking?.carrier, tracking?.number, tracking?.url, shipped_at, delivered_at]);
  return textOf(before) === textOf(after);
}
