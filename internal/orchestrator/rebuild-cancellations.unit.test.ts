// What lost commands tell of the cancellations that they belong to, and what names their orders.
import { expect, test } from "bun:test";
import { firstIdOf } from "../kernel/time-of-id.ts";
import { cancelOrder, refundPayment, releaseInventory } from "../testkit/commands.ts";
import { POLICY } from "../testkit/orchestrator.ts";
import { rebuild } from "./rebuild.ts";
import { cancellationsIn, type OrderFound, ordersThatStood, withOrders } from "./rebuild-cancellations.ts";

const [first, second] = [firstIdOf(1_000), firstIdOf(2_000)];
const [c1, c2] = [firstIdOf(3_000), firstIdOf(4_000)];

test("a cancellation continues at the last step that was asked for", () => {
  const sent = [
    { ...cancelOrder(first), message_id: firstIdOf(10), idempotency_key: `${c1}:order` },
    { ...cancelOrder(second), message_id: firstIdOf(15), idempotency_key: `${c2}:order` },
    { ...refundPayment(first), message_id: firstIdOf(20), idempotency_key: `${c1}:refund` },
    { ...refundPayment(first), message_id: firstIdOf(30), idempotency_key: `${c1}:other` },
    // Of the checkout's own undo.
    { ...releaseInventory(first), message_id: firstIdOf(40), idempotency_key: `${first}:release` },
  ];
  expect(cancellationsIn(sent)).toEqual([
    { cancellation_id: c1, saga_id: first, step: "refund", at: 10 },
    { cancellation_id: c2, saga_id: second, step: "order", at: 15 },
  ]);
});

test("of two cancellations of one order the newest is brought back: the other was refused before it began", () => {
  const sent = [
    { ...cancelOrder(first), message_id: firstIdOf(20), idempotency_key: `${c2}:order` },
    { ...refundPayment(first), message_id: firstIdOf(30), idempotency_key: `${c2}:refund` },
    // Published a second time.
    { ...cancelOrder(first), message_id: firstIdOf(10), idempotency_key: `${c1}:order` },
  ];
  expect(cancellationsIn(sent)).toEqual([{ cancellation_id: c2, saga_id: first, step: "refund", at: 20 }]);
});

const orderOf = (saga_id: string, is_cancelled: boolean): OrderFound => ({
  order_id: saga_id.replace(/^.{8}/, "0rder000"),
  saga_id,
  user_id: Bun.randomUUIDv7(),
  items: [{ sku_id: "lamp", quantity: 2, unit_price_cents: 300 }],
  total_cents: 600,
  currency: "EUR",
  shipping_address: {
    name: "Ada",
    line1: "1 Main St",
    city: "Springfield",
    country: "US",
    postal_code: "12345",
  },
  created_at: 500,
  is_cancelled,
});

test("a cancelled order names what a lost checkout bought, if that was cancelled after it was completed", () => {
  // Kafka has the cancellation alone: the rest is older than its retention.
  const sent = [{ ...cancelOrder(first), message_id: firstIdOf(9_000), idempotency_key: `${c1}:order` }];
  const traced = cancellationsIn(sent);
  const [cancelled, undone, kept] = [
    orderOf(first, true),
    orderOf(second, true),
    orderOf(firstIdOf(3_000), false),
  ];
  const stood = ordersThatStood([cancelled, undone, kept], traced);
  expect([...stood.values()]).toEqual([cancelled, kept]);
  const found = rebuild(null, { saga_id: first, sent, received: [], order: cancelled }, 10_000, POLICY);
  if (found === null) throw new Error("it was not rebuilt");
  expect(found.after.position).toMatchObject({ kind: "completed", order_id: cancelled.order_id });
  expect(withOrders(traced, [found], stood)).toEqual({
    lost: [{ cancellation_id: c1, saga_id: first, step: "order", at: 9_000, order_id: cancelled.order_id }],
    not_rebuilt: [],
  });
});

test("what cannot be rebuilt says whether the order is known", () => {
  const traced = [first, second].map((saga_id, at) => ({
    cancellation_id: [c1, c2][at] ?? "",
    saga_id,
    step: "order" as const,
    at: 9_000,
  }));
  const order = orderOf(first, true);
  expect(withOrders(traced, [], new Map([[first, order]]))).toEqual({
    lost: [],
    not_rebuilt: [
      `checkout ${first}: its order ${order.order_id} was being cancelled, and the checkout itself is not rebuilt`,
      `checkout ${second}: its order was being cancelled, and neither its messages nor the order database name the order`,
    ],
  });
});
