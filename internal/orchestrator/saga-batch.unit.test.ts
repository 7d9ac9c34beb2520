// Which cancellation of a checkout the replies are for.
import { expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { checkout, COMPLETING, POLICY, START } from "../testkit/orchestrator.ts";
import { decideCancellation, startCancellation } from "./order-cancellation.ts";
import { decide, startSaga } from "./saga.ts";
import { SagaBatch } from "./saga-batch.ts";

const SAGA = "01900000-0000-7000-8000-000000000001";
const LOW = "01900000-0000-7000-8000-0000000000c1";
const HIGH = "01900000-0000-7000-8000-0000000000c2";

test.each([
  ["the newer one has the larger id", LOW, HIGH],
  ["a clock was ahead when the older one was made", HIGH, LOW],
])("replies are for the cancellation that is not refused: %s", (_case, refusedId, openId) => {
  let { saga } = startSaga(SAGA, checkout(), START, POLICY);
  for (const type of COMPLETING) ({ saga } = decide(saga, eventOf(type, SAGA), START, POLICY));
  const refusal = { ...eventOf("OrderCancelRefused", SAGA), idempotency_key: `${refusedId}:order` };
  const { cancellation: refused } = decideCancellation(
    startCancellation(refusedId, saga, START, POLICY).cancellation,
    saga,
    refusal,
    START,
    POLICY,
  );
  expect(refused.status).toBe("REFUSED");
  const open = startCancellation(openId, saga, START, POLICY).cancellation;
  // As the store reads them: by id.
  const byId = [refused, open].toSorted((a, b) => (a.cancellation_id < b.cancellation_id ? -1 : 1));
  const out = new SagaBatch([saga], byId).applyEvent(eventOf("OrderCancelled", SAGA), START, POLICY);
  expect(out).toMatchObject([{ type: "RefundPayment", idempotency_key: `${openId}:refund` }]);
});
