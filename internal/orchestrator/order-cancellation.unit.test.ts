// The cancellation of a completed checkout's order: its way, and that no repetition or order of replies changes where it ends.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Event } from "../../schemas/events.ts";
import { ERASED } from "../../schemas/fields.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, COMPLETING, POLICY, START } from "../testkit/orchestrator.ts";
import {
  decideCancellation,
  isCancellationReply,
  type OrderCancellation,
  resendCommand,
  startCancellation,
} from "./order-cancellation.ts";
import { decide, startSaga } from "./saga.ts";
import type { Saga } from "./state.ts";

const SAGA = "01900000-0000-7000-8000-000000000001";
const ID = "01900000-0000-7000-8000-0000000000c1";

function completedSaga(): Saga {
  let { saga } = startSaga(SAGA, checkout(), START, POLICY);
  for (const type of COMPLETING) ({ saga } = decide(saga, eventOf(type, SAGA), START, POLICY));
  return saga;
}
const saga = completedSaga();
const started = () => startCancellation(ID, saga, START, POLICY);
const on = (cancellation: OrderCancellation, type: Event["type"], of: Saga = saga) =>
  decideCancellation(cancellation, of, eventOf(type, SAGA), START + 1, POLICY);
const along = (types: readonly Event["type"][], of: Saga = saga) =>
  types.reduce<OrderCancellation>(
    (cancellation, type) => on(cancellation, type, of).cancellation,
    started().cancellation,
  );

test("the order, then the money, then the stock, then the mail", () => {
  const { cancellation, out } = started();
  expect(cancellation).toMatchObject({
    status: "CANCELLING",
    step: "order",
    deadline_at: START + POLICY.resendFirstMs,
  });
  expect(out).toEqual([
    { type: "CancelOrder", saga_id: SAGA, idempotency_key: `${ID}:order`, refuse_if_shipped: true },
  ]);
  const refunding = on(cancellation, "OrderCancelled");
  expect(refunding.out).toEqual([{ type: "RefundPayment", saga_id: SAGA, idempotency_key: `${ID}:refund` }]);
  const releasing = on(refunding.cancellation, "RefundCompleted");
  expect(releasing.out).toEqual([
    { type: "ReleaseInventory", saga_id: SAGA, idempotency_key: `${ID}:release` },
  ]);
  const ended = on(releasing.cancellation, "InventoryReleased");
  expect(ended.cancellation).toMatchObject({
    status: "CANCELLED",
    deadline_at: null,
    completed_at: START + 1,
  });
  expect(ended.out).toMatchObject([
    { type: "SendNotification", template: "order_cancelled", email: saga.email, total_cents: 1_000 },
  ]);
});

test("an order on its way is refused, and nothing follows", () => {
  const refused = on(started().cancellation, "OrderCancelRefused");
  expect(refused).toMatchObject({ cancellation: { status: "REFUSED", order_status: "SHIPPED" }, out: [] });
  // Once the order is cancelled, a late refusal of a repeated command cannot be: the row decides once.
  const refunding = along(["OrderCancelled"]);
  expect(on(refunding, "OrderCancelRefused").cancellation).toBe(refunding);
});

test("the refusal of an earlier cancellation does not end this one", () => {
  const { cancellation } = started();
  const refusal = { ...eventOf("OrderCancelRefused", SAGA), idempotency_key: "another:order" };
  expect(decideCancellation(cancellation, saga, refusal, START + 1, POLICY).cancellation).toBe(cancellation);
  const own = { ...refusal, idempotency_key: `${ID}:order` };
  expect(decideCancellation(cancellation, saga, own, START + 1, POLICY).cancellation.status).toBe("REFUSED");
});

test("an order that is cancelled after its refusal is refunded all the same", () => {
  const refused = along(["OrderCancelRefused"]);
  const reopened = on(refused, "OrderCancelled");
  expect(reopened.cancellation).toMatchObject({
    status: "CANCELLING",
    step: "refund",
    order_status: null,
    completed_at: null,
  });
  expect(reopened.out.map(({ type }) => type)).toEqual(["RefundPayment"]);
});

test("a payment that says it took no money is no refund: an operator has to look", () => {
  const refunding = along(["OrderCancelled"]);
  const flagged = on(refunding, "PaymentCancelled");
  expect(flagged).toMatchObject({ cancellation: { step: "refund", needs_operator: true }, out: [] });
  expect(on(flagged.cancellation, "RefundCompleted").cancellation.step).toBe("release");
  expect(on(started().cancellation, "PaymentCancelled").cancellation.step).toBe("order");
});

test("an order that cost nothing is not refunded, and no mail goes to an erased address", () => {
  const free = { ...saga, total_cents: 0 };
  expect(on(started().cancellation, "OrderCancelled", free).out.map(({ type }) => type)).toEqual([
    "ReleaseInventory",
  ]);
  const erased = { ...saga, email: ERASED.email };
  expect(on(along(["OrderCancelled", "RefundCompleted"]), "InventoryReleased", erased)).toMatchObject({
    cancellation: { status: "CANCELLED" },
    out: [],
  });
});

describe("without a reply", () => {
  test("the command is sent again when its deadline has passed, with growing pauses, and then an operator is needed", () => {
    let cancellation = along(["OrderCancelled"]);
    expect(resendCommand(cancellation, START, POLICY)).toEqual({ cancellation, out: [] });
    const pauses: number[] = [];
    for (let count = 1; count <= POLICY.resendsBeforeOperator; count += 1) {
      const now = cancellation.deadline_at ?? 0;
      const { cancellation: next, out } = resendCommand(cancellation, now, POLICY);
      expect(out.map(({ type }) => type)).toEqual(["RefundPayment"]);
      pauses.push((next.deadline_at ?? 0) - now);
      expect(next.needs_operator).toBe(count >= POLICY.resendsBeforeOperator);
      cancellation = next;
    }
    expect(pauses).toEqual([20_000, 40_000, 60_000]);
    expect(on(cancellation, "RefundCompleted").cancellation).toMatchObject({
      step: "release",
      needs_operator: false,
      resend_count: 0,
    });
  });

  test("an operator who is needed for another reason stays needed", () => {
    const flagged = on(along(["OrderCancelled"]), "PaymentCancelled").cancellation;
    const again = resendCommand(flagged, flagged.deadline_at ?? 0, POLICY);
    expect(again.out.map(({ type }) => type)).toEqual(["RefundPayment"]);
    expect(again.cancellation).toMatchObject({ resend_count: 1, needs_operator: true });
  });

  test("a finished one sends nothing", () => {
    for (const ended of [
      along(["OrderCancelRefused"]),
      along(["OrderCancelled", "RefundCompleted", "InventoryReleased"]),
    ])
      expect(resendCommand(ended, START * 2, POLICY)).toEqual({ cancellation: ended, out: [] });
  });
});

test("no repetition or order of events leads elsewhere, and each command is sent once for each step", () => {
  const types = [
    "OrderCancelled",
    "RefundCompleted",
    "InventoryReleased",
    "OrderCreated",
    "OrderShipped",
  ] as const;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...types), { maxLength: 20 }), (events) => {
      let { cancellation } = started();
      const sent: string[] = [];
      for (const type of events) {
        const decision = on(cancellation, type);
        sent.push(...decision.out.map((message) => message.type));
        ({ cancellation } = decision);
      }
      expect(new Set(sent).size).toBe(sent.length);
      // The money is given back only after the order is cancelled, the stock only after the money.
      const way = ["RefundPayment", "ReleaseInventory", "SendNotification"];
      expect(sent).toEqual(way.slice(0, sent.length));
      expect(cancellation.status === "CANCELLED").toBe(sent.length === way.length);
    }),
  );
});

test("only replies to undo commands may be for a cancellation", () => {
  const replies = [
    "OrderCancelled",
    "OrderCancelRefused",
    "RefundCompleted",
    "PaymentCancelled",
    "InventoryReleased",
  ];
  const others = [
    "InventoryReserved",
    "PaymentSucceeded",
    "ReservationConfirmed",
    "OrderCreated",
    "OrderShipped",
  ];
  expect(replies.filter((type) => !isCancellationReply({ type }))).toEqual([]);
  expect(others.filter((type) => isCancellationReply({ type }))).toEqual([]);
});
