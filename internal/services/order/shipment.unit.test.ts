// Shipping decisions: every (status, request) pair, and that a repeat changes nothing.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { OrderStatus } from "../../../schemas/http.ts";
import { decideShipment, type Shipment, type ShipmentRequest } from "./shipment.ts";

const who = { actor: "ada", reason: "packed" };
const dhl = { carrier: "DHL", number: "JD014600003" };
const ups = { carrier: "UPS", number: "1Z999AA10123456784" };
const order = (status: OrderStatus, tracking: Shipment["tracking"] = null): Shipment => ({
  order_id: "01900000-0000-7000-8000-000000000003",
  saga_id: "01900000-0000-7000-8000-000000000001",
  status,
  tracking,
});
const ship = (changes: object = { tracking: dhl }): ShipmentRequest => ({ kind: "ship", ...who, ...changes });
const deliver: ShipmentRequest = { kind: "deliver", ...who };

describe("every (status, request) pair", () => {
  test.each([
    ["CONFIRMED", ship(), "changed", "SHIPPED", "OrderShipped"],
    ["CONFIRMED", ship({}), "changed", "SHIPPED", "OrderShipped"],
    ["CONFIRMED", deliver, "refused", "ship it first", null],
    ["SHIPPED", ship(), "unchanged", null, null],
    ["SHIPPED", ship({ tracking: ups }), "refused", "SHIPPED with tracking JD014600003 of DHL", null],
    ["SHIPPED", ship({}), "refused", "correct it with --correct", null],
    ["SHIPPED", ship({ tracking: ups, correct: true }), "changed", "SHIPPED", "OrderShipped"],
    ["SHIPPED", ship({ tracking: dhl, correct: true }), "unchanged", null, null],
    ["SHIPPED", deliver, "changed", "DELIVERED", "OrderDelivered"],
    ["DELIVERED", ship(), "unchanged", null, null],
    ["DELIVERED", ship({ tracking: ups, correct: true }), "refused", "the order is DELIVERED", null],
    ["DELIVERED", deliver, "unchanged", null, null],
    ["CANCELLED", ship(), "refused", "nothing may be sent", null],
    ["CANCELLED", deliver, "refused", "CANCELLED", null],
  ] as const)("%s, %j -> %s", (status, request, kind, more, event) => {
    const isSent = status === "SHIPPED" || status === "DELIVERED";
    const decision = decideShipment(order(status, isSent ? dhl : null), request);
    expect(decision.kind).toBe(kind);
    if (decision.kind === "refused") expect(decision.reason).toContain(more ?? "");
    if (decision.kind !== "changed") return;
    const result: readonly unknown[] = [decision.shipment.status, decision.out.map(({ type }) => type)];
    expect(result).toEqual([more, [event]]);
  });
});

test("the event names order, parcel, operator and reason, and whether it is a correction", () => {
  const { order_id, saga_id } = order("CONFIRMED");
  const base = { type: "OrderShipped", saga_id, order_id, ...who };
  expect(decideShipment(order("CONFIRMED"), ship())).toMatchObject({ out: [{ ...base, tracking: dhl }] });
  expect(decideShipment(order("SHIPPED", dhl), ship({ tracking: ups, correct: true }))).toMatchObject({
    shipment: { tracking: ups },
    out: [{ ...base, tracking: ups, corrected: true }],
  });
});

test("a parcel differs by carrier, number or page", () => {
  const page = { ...dhl, url: "https://dhl.example/JD014600003" };
  expect(decideShipment(order("SHIPPED", page), ship({ tracking: page })).kind).toBe("unchanged");
  for (const tracking of [
    dhl,
    { ...page, number: "x" },
    { ...page, carrier: "x" },
    { ...page, url: "https://x" },
  ])
    expect(decideShipment(order("SHIPPED", page), ship({ tracking })).kind).toBe("refused");
});

test("a repeated request changes nothing and sends nothing, in any state", () => {
  const statuses = fc.constantFrom<OrderStatus>("CONFIRMED", "SHIPPED", "DELIVERED", "CANCELLED");
  const parcels = fc.option(fc.constantFrom(dhl, ups));
  const requests = fc.oneof(
    fc.constant(deliver),
    fc
      .tuple(parcels, fc.boolean())
      .map(([tracking, correct]) => ship({ correct, ...(tracking === null ? {} : { tracking }) })),
  );
  fc.assert(
    fc.property(statuses, parcels, requests, (status, tracking, request) => {
      const first = decideShipment(order(status, tracking), request);
      const after = first.kind === "changed" ? first.shipment : order(status, tracking);
      const again = decideShipment(after, request);
      expect(again.kind).toBe(first.kind === "refused" ? "refused" : "unchanged");
    }),
  );
});
