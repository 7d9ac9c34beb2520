// What the traces of an order say about where it stood: nothing goes back, and what is missing or contradicts itself is said.
import { describe, expect, test } from "bun:test";
import { ERASED } from "../../schemas/fields.ts";
import {
  type OrderedSaga,
  type OrderTraces,
  planOrder,
  type StoredOrder,
  type ToldEvent,
} from "./order-rebuild-plan.ts";

const SAGA = "01900000-0000-7000-8000-000000000001";
const ORDER = "01900000-0000-7000-8000-00000000000a";
const DHL = { carrier: "DHL", number: "JD0146" };

const stored: StoredOrder = {
  order_id: ORDER,
  saga_id: SAGA,
  status: "CONFIRMED",
  tracking: null,
  updated_at: 100,
  shipped_at: null,
  delivered_at: null,
};
const saga: OrderedSaga = {
  saga_id: SAGA,
  status: "COMPLETED",
  order_id: ORDER,
  user_id: "u",
  priced_items: [{ sku_id: "tea", quantity: 2, unit_price_cents: 500 }],
  total_cents: 1_000,
  currency: "EUR",
  shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "1000", country: "DE" },
  card: { brand: "visa", last4: "4242" },
  completed_at: 90,
};
const none: OrderTraces = {
  saga_id: SAGA,
  told: [],
  acts: [],
  mailed: null,
  cancelled_at: null,
  cancel_id: null,
  saga,
};
/** Ids are in the order of their times. */
const told = (type: ToldEvent["type"], at: number, more: Partial<ToldEvent> = {}): ToldEvent => ({
  event_id: `event-${at}`,
  saga_id: SAGA,
  type,
  order_id: type === "OrderCancelled" || type === "OrderFailed" ? null : ORDER,
  tracking: null,
  at,
  ...more,
});
const act = (action: "order.ship" | "order.deliver", at: number, has_tracking = true) => ({
  event_id: `event-${at}`,
  saga_id: SAGA,
  order_id: ORDER,
  action,
  has_tracking,
  at,
});
const after = (traces: Partial<OrderTraces>, from: StoredOrder | null = stored) => {
  const { change, open } = planOrder(from, { ...none, ...traces });
  const order = change === null ? null : change.kind === "made" ? change.order : change.after;
  return { order, open: open.map(({ what }) => what) };
};

describe("an order of the backup", () => {
  test("without traces stays as it is", () => {
    expect(planOrder(stored, none)).toEqual({ change: null, open: [] });
  });

  test("is shipped once, with the last tracking, and keeps the time of the first", () => {
    const events = [
      told("OrderShipped", 200, { tracking: DHL }),
      told("OrderShipped", 300, { tracking: { ...DHL, number: "1Z9" } }),
    ];
    expect(after({ told: events }).order).toEqual({
      ...stored,
      status: "SHIPPED",
      tracking: { ...DHL, number: "1Z9" },
      shipped_at: 200,
      updated_at: 300,
    });
  });

  test("never goes back: the overlap with the backup changes nothing", () => {
    const delivered = {
      ...stored,
      status: "DELIVERED",
      tracking: DHL,
      shipped_at: 50,
      delivered_at: 60,
    } as const;
    const events = [told("OrderShipped", 50, { tracking: DHL }), told("OrderDelivered", 60)];
    expect(planOrder(delivered, { ...none, told: events }).change).toBeNull();
    // The event of the delivery is older than the overlap.
    expect(planOrder(delivered, { ...none, told: events.slice(0, 1) }).change).toBeNull();
  });

  test("is cancelled by the event, by a cancellation that got past the order, and with its undone checkout", () => {
    const ways: readonly Partial<OrderTraces>[] = [
      { told: [told("OrderCancelled", 200), told("OrderCancelled", 900)] },
      { cancelled_at: 200 },
      { saga: { ...saga, status: "COMPENSATED", order_id: null, completed_at: 200 } },
    ];
    for (const way of ways)
      expect(after(way)).toEqual({ order: { ...stored, status: "CANCELLED", updated_at: 200 }, open: [] });
  });

  test("that was cancelled and shipped afterwards stays cancelled, and a person is asked", () => {
    const events = [told("OrderCancelled", 200), told("OrderShipped", 300)];
    const { order, open } = after({ told: events });
    expect([order?.status, open]).toEqual(["CANCELLED", [expect.stringContaining("a person must decide")]]);
    // The other way round is the runbook's: the goods came back first.
    const returned = [told("OrderShipped", 200), told("OrderCancelled", 300)];
    expect(after({ told: returned })).toMatchObject({ order: { status: "CANCELLED" }, open: [] });
  });
});

describe("what Kafka has dropped", () => {
  test("comes from the audit trail and the mail", () => {
    const acts = [act("order.ship", 200), act("order.deliver", 300)];
    expect(after({ acts, mailed: DHL })).toEqual({
      order: {
        ...stored,
        status: "DELIVERED",
        tracking: DHL,
        shipped_at: 200,
        delivered_at: 300,
        updated_at: 300,
      },
      open: [],
    });
  });

  test("tracking that no source has is missing, none that there never was", () => {
    expect(after({ acts: [act("order.ship", 200)] })).toEqual({
      order: { ...stored, status: "SHIPPED", shipped_at: 200, updated_at: 200 },
      open: [expect.stringContaining("--correct")],
    });
    expect(after({ acts: [act("order.ship", 200, false)], mailed: DHL }).order?.tracking).toBeNull();
    expect(after({ acts: [act("order.ship", 200, false)] }).open).toEqual([]);
  });

  test("a line of the trail whose event is there adds nothing", () => {
    const events = [told("OrderShipped", 200, { tracking: DHL })];
    expect(after({ told: events, acts: [act("order.ship", 200)] })).toEqual(after({ told: events }));
  });
});

describe("an order that is gone", () => {
  test("is made as its checkout has it, at the time of its event", () => {
    const { order, open } = after({ told: [told("OrderCreated", 80)] }, null);
    expect(order).toMatchObject({ order_id: ORDER, status: "CONFIRMED", created_at: 80, total_cents: 1_000 });
    expect(open).toEqual([]);
    // Without the event, at the end of its checkout.
    expect(after({}, null).order).toMatchObject({ order_id: ORDER, created_at: 90 });
  });

  test("of an undone checkout is made cancelled; of one that never had an order there is none", () => {
    const undone = { ...saga, status: "COMPENSATED", order_id: null } as const;
    const events = [told("OrderCreated", 80), told("OrderCancelled", 85)];
    expect(after({ told: events, saga: undone }, null).order).toMatchObject({
      status: "CANCELLED",
      updated_at: 85,
    });
    expect(after({ told: [told("OrderFailed", 80)], saga: undone }, null).order).toBeNull();
  });

  test("leaves a tombstone if it was cancelled before it was created, with the command's id", () => {
    const undone = { ...saga, status: "COMPENSATED", order_id: null } as const;
    const { order } = after({ told: [told("OrderCancelled", 85)], saga: undone, cancel_id: "command" }, null);
    expect(order).toMatchObject({ order_id: "command", status: "CANCELLED", user_id: null, items: [] });
  });

  test("cannot be made without its checkout, and not be sent without its address", () => {
    const events = [told("OrderCreated", 80)];
    expect(after({ told: events, saga: null }, null)).toEqual({
      order: null,
      open: [expect.stringContaining("does not say what was ordered")],
    });
    const erased = { ...saga, shipping_address: { ...saga.shipping_address, name: ERASED.line } };
    expect(after({ told: events, saga: erased }, null).open).toEqual([expect.stringContaining("erased")]);
  });
});
