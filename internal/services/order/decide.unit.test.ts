// The order service's decisions as given / when / then, and the saga laws of its step.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { CancelOrder, CreateOrder } from "../../../schemas/commands.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import { cancelOrder as cancelOf, createOrder as orderOf } from "../../testkit/commands.ts";
import { decide, type Order } from "./decide.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const policy = { blockedCountries: new Set(["AQ"]) };
const SAGA = "01900000-0000-7000-8000-000000000001";

const createOrder = (changes: Partial<CreateOrder> = {}) => orderOf(SAGA, changes);
const cancelOrder = () => cancelOf(SAGA);

const on = (order: Order | null, command: CreateOrder | CancelOrder, now = T0) =>
  decide(order, command, now, policy);
const types = (out: readonly Outgoing[]) => out.map(({ type }) => type);

/** An order in `status`. Commands lead there; only SHIPPED and DELIVERED are set directly. */
function given(status: Order["status"] | "NONE" | "TOMBSTONE"): Order | null {
  if (status === "NONE") return null;
  if (status === "TOMBSTONE") return on(null, cancelOrder()).order;
  const { order } = on(null, createOrder());
  if (order === null || order.status !== "CONFIRMED") throw new Error("a valid order is confirmed");
  return status === "CANCELLED" ? on(order, cancelOrder()).order : { ...order, status };
}

describe("CreateOrder", () => {
  test("given no order, one is confirmed with the command's id", () => {
    const command = createOrder();
    const { user_id, items, total_cents, currency, shipping_address } = command;
    const { order, out, alert } = on(null, command);
    expect(out).toEqual([
      { type: "OrderCreated", saga_id: SAGA, order_id: command.message_id, user_id, total_cents },
    ]);
    const details = { user_id, items, total_cents, currency, shipping_address, card: null };
    expect(order).toEqual({
      order_id: command.message_id,
      saga_id: SAGA,
      status: "CONFIRMED",
      details,
      created_at: T0,
      updated_at: T0,
    });
    expect(alert).toBeNull();
  });

  test("of the card that was charged, the order keeps brand and last four digits only", () => {
    const card = { brand: "visa", last4: "4242" };
    const { order } = on(null, createOrder({ card: Object.assign({ exp_year: 2034 }, card) }));
    expect(order?.details?.card).toEqual(card);
  });

  test("a total that is not the sum of its items is refused, without an order", () => {
    const { order, out } = on(null, createOrder({ total_cents: 601 }));
    expect([order, out]).toMatchObject([null, [{ type: "OrderFailed", error_code: "TOTAL_MISMATCH" }]]);
  });

  test("an address in a blocked country is refused, without an order", () => {
    const shipping_address = { ...createOrder().shipping_address, country: "AQ" };
    const { order, out } = on(null, createOrder({ shipping_address }));
    expect([order, out]).toMatchObject([null, [{ type: "OrderFailed", error_code: "ADDRESS_NOT_SERVED" }]]);
  });
});

describe("every (state, command) pair", () => {
  test.each([
    ["NONE", "CreateOrder", ["OrderCreated"], "CONFIRMED"],
    ["CONFIRMED", "CreateOrder", ["OrderCreated"], "CONFIRMED"],
    ["SHIPPED", "CreateOrder", ["OrderCreated"], "SHIPPED"],
    ["DELIVERED", "CreateOrder", ["OrderCreated"], "DELIVERED"],
    ["CANCELLED", "CreateOrder", ["CommandRefused"], "CANCELLED"],
    ["TOMBSTONE", "CreateOrder", ["CommandRefused"], "CANCELLED"],
    ["NONE", "CancelOrder", ["OrderCancelled"], "CANCELLED"],
    ["CONFIRMED", "CancelOrder", ["OrderCancelled"], "CANCELLED"],
    ["CANCELLED", "CancelOrder", ["OrderCancelled"], "CANCELLED"],
    ["TOMBSTONE", "CancelOrder", ["OrderCancelled"], "CANCELLED"],
    ["SHIPPED", "CancelOrder", [], "SHIPPED"],
    ["DELIVERED", "CancelOrder", [], "DELIVERED"],
  ] as const)("%s, %s -> %j", (status, type, answer, after) => {
    const command = type === "CreateOrder" ? createOrder() : cancelOrder();
    const { order, out } = on(given(status), command);
    expect([types(out), order?.status]).toEqual([[...answer], after]);
  });
});

describe("the saga laws", () => {
  test("succeed twice: one order, the same reply", () => {
    const first = on(null, createOrder());
    const second = on(first.order, createOrder(), T0 + 1);
    expect(second).toEqual(first);
  });

  test("undo twice: the same reply, and the order stays unchanged", () => {
    const first = on(given("CONFIRMED"), cancelOrder());
    expect(on(first.order, cancelOrder(), T0 + 1)).toEqual(first);
  });

  test("undo before do, and do after undo: refused, naming the command", () => {
    for (const order of [given("TOMBSTONE"), given("CANCELLED")]) {
      const late = createOrder();
      const decision = on(order, late);
      expect(decision.order).toBe(order);
      expect(decision.out).toEqual([
        { type: "CommandRefused", saga_id: SAGA, command_id: late.message_id, command_type: "CreateOrder" },
      ]);
    }
  });

  test("a shipped order is not reported as cancelled, and an operator is alerted", () => {
    for (const status of ["SHIPPED", "DELIVERED"] as const) {
      const { out, alert } = on(given(status), cancelOrder());
      expect(out).toEqual([]);
      expect(alert).toContain(status);
    }
  });
});

describe("the cancel of an order whose checkout is completed", () => {
  const refusable = (): CancelOrder => ({ ...cancelOrder(), refuse_if_shipped: true });

  test("is refused when the parcel is on its way: an answer, no change and no alert", () => {
    for (const status of ["SHIPPED", "DELIVERED"] as const) {
      const order = given(status);
      const decision = on(order, refusable());
      expect(decision.order).toBe(order);
      expect([decision.out, decision.alert]).toEqual([
        [
          {
            type: "OrderCancelRefused",
            saga_id: SAGA,
            order_id: order?.order_id ?? "",
            order_status: status,
            idempotency_key: refusable().idempotency_key,
          },
        ],
        null,
      ]);
    }
  });

  test("is any other cancel before that, and after it was cancelled", () => {
    for (const status of ["NONE", "CONFIRMED", "CANCELLED"] as const) {
      const { order, out } = on(given(status), refusable());
      expect([order?.status, types(out)]).toEqual(["CANCELLED", ["OrderCancelled"]]);
    }
  });
});

/** One step of a history: a create or a cancel. */
const run = (order: Order | null, create: boolean) => on(order, create ? createOrder() : cancelOrder()).order;

test("after a cancel no history brings an order back", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), fc.array(fc.boolean()), (before, after) => {
      const cancelled = run(before.reduce<Order | null>(run, null), false);
      expect(after.reduce<Order | null>(run, cancelled)?.status).toBe("CANCELLED");
    }),
  );
});
