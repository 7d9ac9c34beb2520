// What lost commands tell of the cancellations that they belong to.
import { expect, test } from "bun:test";
import { firstIdOf } from "../kernel/time-of-id.ts";
import { cancelOrder, refundPayment, releaseInventory } from "../testkit/commands.ts";
import { cancellationsIn } from "./rebuild-cancellations.ts";

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
