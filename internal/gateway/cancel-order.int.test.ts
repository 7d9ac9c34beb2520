// A shopper cancels an order through the public API, over gateway, orchestrator and order service with their databases.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { OrderCancellationView, Problem, SagaStatusView } from "../../schemas/http.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import { eventOf } from "../testkit/events.ts";
import { PublicApi } from "../testkit/public-api.ts";
import { AS_ADA } from "../testkit/callers.ts";

let api: PublicApi;
beforeAll(async () => {
  api = await PublicApi.open();
});
afterAll(() => api[Symbol.asyncDispose]());

interface Bought {
  readonly user: string;
  readonly sagaId: string;
  readonly orderId: string;
}

async function bought({ isCompleted = true } = {}): Promise<Bought> {
  const user = Bun.randomUUIDv7();
  const sagaId = await api.orchestrator.start({ user_id: user });
  const orderId = await api.placeOrder(user, sagaId);
  if (isCompleted) await api.orchestrator.complete(sagaId, orderId);
  return { user, sagaId, orderId };
}

const press = (user: string, orderId: string) =>
  api.ask(`/api/v1/orders/${orderId}/cancel`, user, { method: "POST" });
const statusOf = async ({ user, sagaId }: Bought) =>
  Value.Parse(SagaStatusView, await (await api.ask(`/api/v1/saga/${sagaId}/status`, user)).json());
const trailOf = async ({ orderId }: Bought) => {
  const lines = await api.orchestrator.database.sql<{ line: string }[]>`
    select concat_ws(' ', action, actor, reason, outcome) as line from operator_actions where subject = ${orderId} order by action_id`;
  return lines.map(({ line }) => line);
};
const cancellationsOf = async ({ sagaId }: Bought) => {
  const { sql } = api.orchestrator.database;
  return (await sql`select 1 from order_cancellations where saga_id = ${sagaId}`).length;
};
const cancels = async ({ sagaId }: Bought) =>
  (await api.orchestrator.messageTypes(sagaId)).filter((type) => type === "CancelOrder").length;

test("one press starts it, a second one answers the same, and the audit trail says that it was the shopper", async () => {
  const order = await bought();
  expect((await statusOf(order)).cancelling).toBeUndefined();
  const shown = await (await api.ask(`/api/v1/orders/${order.orderId}`, order.user)).json();
  expect(shown).toMatchObject({ order_id: order.orderId, order_number: orderNumberOf(order.orderId) });
  const answers = await Promise.all([press(order.user, order.orderId), press(order.user, order.orderId)]);
  answers.push(await press(order.user, order.orderId));
  for (const answer of answers) {
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([202, "no-store"]);
    expect(Value.Parse(OrderCancellationView, await answer.json())).toEqual({
      order_id: order.orderId,
      status: "CANCELLING",
    });
  }
  expect(await cancels(order)).toBe(1);
  expect(await trailOf(order)).toEqual(["order.cancel shopper cancelled by the shopper cancelling"]);
  expect(await statusOf(order)).toMatchObject({ status: "COMPLETED", money: "taken", cancelling: true });
  await api.orchestrator.handle(eventOf("OrderCancelled", order.sagaId));
  const after = await statusOf(order);
  expect(after).toMatchObject({ money: "returning" });
  expect(after.cancelling).toBeUndefined();
  expect(await (await press(order.user, order.orderId)).json()).toMatchObject({ status: "CANCELLED" });
});

test("another user's order looks like a missing one, and stays as it is", async () => {
  const [order, other] = [await bought(), await bought()];
  const blank = async (answer: Response, id: string) => (await answer.text()).replaceAll(id, "");
  const missing = Bun.randomUUIDv7();
  const [refused, unknown] = [await press(other.user, order.orderId), await press(other.user, missing)];
  expect([refused.status, unknown.status, (await press(other.user, "x")).status]).toEqual([404, 404, 404]);
  expect(await blank(refused, order.orderId)).toBe(await blank(unknown, missing));
  expect([await cancellationsOf(order), await trailOf(order)]).toEqual([0, []]);
  const anonymous = await api.ask(`/api/v1/orders/${order.orderId}/cancel`, null, { method: "POST" });
  expect(anonymous.status).toBe(401);
});

test("the orchestrator checks itself whose checkout it is", async () => {
  const [order, other] = [await bought(), await bought()];
  const request = { order_id: order.orderId, actor: "shopper", reason: "cancelled by the shopper" };
  const asked = (user_id: string) => api.orchestrator.cancelOrder(order.sagaId, { ...request, user_id });
  expect(await asked(other.user)).toEqual({ kind: "unknown" });
  // An order of the user's own in the order database that is another user's in the saga database.
  const mixed = await api.placeOrder(other.user, order.sagaId);
  expect((await press(other.user, mixed)).status).toBe(404);
  expect([await cancellationsOf(order), await trailOf(order)]).toEqual([0, []]);
  expect(await asked(order.user)).toMatchObject({ kind: "cancelling", startedNow: true });
});

test("an order that is sent, or whose checkout goes on, is a 409 and starts nothing", async () => {
  const sent = await bought();
  const shipped = await fetch(`${api.orderUrl}/orders/${sent.orderId}/ship`, {
    method: "POST",
    headers: { "content-type": "application/json", ...AS_ADA },
    body: JSON.stringify({ reason: "packed" }),
  });
  expect(shipped.status).toBe(200);
  const early = await bought({ isCompleted: false });
  for (const [order, detail] of [
    [sent, "the order is SHIPPED"],
    [early, "the checkout is STARTED"],
  ] as const) {
    const answer = await press(order.user, order.orderId);
    expect([answer.status, Value.Parse(Problem, await answer.json())]).toMatchObject([
      409,
      { type: "urn:checkout:problem:not-cancellable", detail },
    ]);
    expect([await cancellationsOf(order), await trailOf(order)]).toEqual([0, []]);
  }
  expect(api.logged).toEqual([]);
});
