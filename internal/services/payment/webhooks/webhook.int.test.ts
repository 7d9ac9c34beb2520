// The provider's events at the real endpoint, on a real Postgres: what they settle, what they must never settle, and how the sender is
// answered. If the simulator sends its own events, no second request goes to the provider.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { MessageType } from "../../../../schemas/registry.ts";
import { waitFor } from "../../../paysim/test-provider.ts";
import { openPostgres } from "../../../platform/postgres.ts";
import { cancelPayment, capturePayment, refundPayment } from "../../../testkit/commands.ts";
import { TestPayment } from "../../../testkit/payment.ts";

const Reply = Type.Object({ result: Type.String() });

const saga = () => Bun.randomUUIDv7();
let payment: TestPayment;
beforeAll(async () => {
  payment = await TestPayment.open();
});
afterAll(() => payment[Symbol.asyncDispose]());

/** A payment of 6.00 EUR whose charge has no result yet. */
async function unknownCharge(): Promise<string> {
  const saga_id = saga();
  await payment.charge(saga_id, "pm_sim_timeout_no_effect");
  await payment.claimAndDie();
  return saga_id;
}

/**
 * Rounds until the condition holds. A payment that an event locks just then is left to the next round. The clock stands still: what was
 * requested is not due again.
 */
const roundsUntil = (hearing: TestPayment, condition: () => Promise<boolean>) =>
  waitFor(async () => {
    await hearing.round();
    return condition();
  });

let events = 0;
function eventOf(type: string, object: object, id = `evt_${(events += 1)}`) {
  return { id, object: "event", type, created: Math.floor(payment.now / 1_000), data: { object } };
}

/** An intent as Stripe shows it, reduced to what matters here. */
function intent(saga_id: string | null, changes: object = {}) {
  return {
    id: `pi_${saga_id}`,
    object: "payment_intent",
    status: "succeeded",
    amount: 600,
    amount_received: 600,
    currency: "eur",
    metadata: { shop: "checkout", ...(saga_id === null ? {} : { saga_id }) },
    last_payment_error: null,
    ...changes,
  };
}

function refund(saga_id: string, changes: object = {}) {
  const ids = { id: `re_${saga_id}`, payment_intent: `pi_${saga_id}` };
  return {
    ...ids,
    object: "refund",
    status: "succeeded",
    amount: 600,
    currency: "eur",
    metadata: { shop: "checkout", saga_id },
    ...changes,
  };
}

const succeeded = (saga_id: string | null, changes: object = {}) =>
  eventOf("payment_intent.succeeded", intent(saga_id, changes));

/** The result of the event; the provider must not send it again. */
async function resultOf(event: object): Promise<string> {
  const response = await payment.sendEvent(event);
  expect(response.status).toBe(200);
  const { result } = Value.Parse(Reply, await response.json());
  return result;
}

const alertsOf = async (saga_id: string) =>
  (await payment.alerts()).filter((alert) => alert.subject.endsWith(saga_id));

describe("an event settles a payment without a result", () => {
  test("a success settles once, however often it is sent", async () => {
    const id = await unknownCharge();
    const event = succeeded(id);
    expect(await resultOf(event)).toBe("settled");
    expect(await resultOf(event)).toBe("unchanged");
    expect(await resultOf(succeeded(id))).toBe("unchanged");
    expect(await payment.events(id)).toMatchObject([
      { type: "PaymentSucceeded", transaction_id: `pi_${id}`, amount_cents: 600, currency: "EUR" },
    ]);
    // The lease expires, and no request is sent again.
    payment.advance(payment.policy.leaseMs);
    await payment.round();
    expect(await payment.status(id)).toBe("SUCCEEDED");
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  });

  test("the same event twenty times at once", async () => {
    const id = await unknownCharge();
    const event = succeeded(id);
    const results = await Promise.all(Array.from({ length: 20 }, () => resultOf(event)));
    expect(results.filter((result) => result === "settled")).toHaveLength(1);
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  });

  test("a decline", async () => {
    const id = await unknownCharge();
    const error = { code: "card_declined", message: "No." };
    const declined = { status: "requires_payment_method", amount_received: 0, last_payment_error: error };
    expect(await resultOf(eventOf("payment_intent.payment_failed", intent(id, declined)))).toBe("settled");
    expect(await payment.events(id)).toMatchObject([{ type: "PaymentFailed", error_code: "CARD_DECLINED" }]);
  });

  test("a success after its undo becomes a refund, and the refund's event completes it", async () => {
    const id = await unknownCharge();
    await payment.handle(cancelPayment(id));
    expect(await resultOf(succeeded(id))).toBe("settled");
    expect([await payment.status(id), await payment.eventTypes(id)]).toEqual(["REFUND_PENDING", []]);
    expect(await resultOf(eventOf("refund.created", refund(id, { status: "pending" })))).toBe("unchanged");
    const done = eventOf("refund.updated", refund(id));
    expect([await resultOf(done), await resultOf(done)]).toEqual(["settled", "unchanged"]);
    expect(await payment.eventTypes(id)).toEqual(["RefundCompleted"]);
  });

  test("an old decline does not change a payment that succeeded", async () => {
    const id = await unknownCharge();
    await resultOf(succeeded(id));
    const failed = intent(id, { status: "requires_payment_method", amount_received: 0 });
    expect(await resultOf(eventOf("payment_intent.payment_failed", failed))).toBe("unchanged");
    expect(await payment.status(id)).toBe("SUCCEEDED");
  });
});

describe("an event that does not fit is an alert, never a settlement", () => {
  test.each([
    ["another amount", { amount: 601, amount_received: 601 }, "amount_differs"],
    ["another currency", { currency: "usd" }, "amount_differs"],
  ])("%s", async (_, changes, kind) => {
    const id = await unknownCharge();
    expect(await resultOf(succeeded(id, changes))).toBe("alert");
    expect(await alertsOf(id)).toMatchObject([{ kind, saga_id: id, close_note: null }]);
    expect([await payment.status(id), await payment.eventTypes(id)]).toEqual(["PENDING", []]);
  });

  test("a charge without a payment", async () => {
    const id = saga();
    expect(await resultOf(succeeded(id))).toBe("alert");
    expect(await alertsOf(id)).toMatchObject([{ kind: "charge_without_payment", saga_id: id }]);
    expect(await resultOf(succeeded(null, { id: "pi_from_elsewhere" }))).toBe("alert");
    expect(await resultOf(succeeded(null, { id: "pi_declined", status: "canceled" }))).toBe("unchanged");
    for (const metadata of [{}, { shop: "another-shop", saga_id: saga() }])
      expect(await resultOf(succeeded(saga(), { metadata }))).toBe("foreign");
  });

  test("a second charge of one saga, and a charge with another saga than its payment", async () => {
    const [id, other] = [await unknownCharge(), saga()];
    await resultOf(succeeded(id));
    expect(await resultOf(succeeded(id, { id: `pi_again_${id}` }))).toBe("alert");
    expect(await resultOf(succeeded(other, { id: `pi_${id}` }))).toBe("alert");
    expect((await alertsOf(id)).map(({ kind }) => kind)).toEqual(["charged_twice", "saga_differs"]);
  });

  test("a charge that succeeded although its payment was undone before any request", async () => {
    const id = saga();
    await payment.handle(cancelPayment(id));
    expect(await resultOf(succeeded(id))).toBe("alert");
    expect(await alertsOf(id)).toMatchObject([{ kind: "status_differs" }]);
    expect(await payment.status(id)).toBe("CANCELLED");
  });

  test("a refund that was not requested, one of another amount, and one that failed later", async () => {
    const id = await unknownCharge();
    await resultOf(succeeded(id));
    expect(await resultOf(eventOf("refund.created", refund(id)))).toBe("alert");
    await payment.handle(refundPayment(id));
    expect(await resultOf(eventOf("refund.created", refund(id, { id: `re_part_${id}`, amount: 1 })))).toBe(
      "alert",
    );
    expect(await payment.status(id)).toBe("REFUND_PENDING");
    expect(await resultOf(eventOf("refund.created", refund(id)))).toBe("settled");
    expect(await resultOf(eventOf("refund.failed", refund(id, { status: "failed" })))).toBe("settled");
    expect(await payment.status(id)).toBe("REFUND_PENDING");
  });

  test("a replay does not reopen an alert that a person has closed", async () => {
    const id = saga();
    const event = succeeded(id);
    expect(await resultOf(event)).toBe("alert");
    await payment.database.sql`
      update payment_alerts set closed_at = now(), closed_by = 'ada', close_note = 'given back by hand' where saga_id = ${id}`;
    expect(await resultOf(event)).toBe("replayed");
    expect(await alertsOf(id)).toHaveLength(1);
  });
});

describe("a request that is not from the provider is refused and changes nothing", () => {
  test.each([
    [
      "a signature with another secret",
      { signature: `t=${Math.floor(Date.parse("2026-03-01T12:00:00Z") / 1_000)},v1=00` },
    ],
    ["no signature at all", { signature: "" }],
    ["a signature that is six minutes old", { ageMs: 360_000 }],
  ])("%s", async (_, { signature, ageMs = 0 }: { signature?: string; ageMs?: number }) => {
    const id = await unknownCharge();
    const at = payment.now - ageMs;
    const response = await payment.sendEvent(succeeded(id), signature === undefined ? { at } : { signature });
    expect(response.status).toBe(400);
    expect(await payment.status(id)).toBe("PENDING");
  });

  test("a body that was changed on the way, and one that is not JSON", async () => {
    const id = await unknownCharge();
    const changed = await payment.sendEvent(succeeded(id), { signed: succeeded(saga()) });
    expect(changed.status).toBe(400);
    expect((await payment.sendEvent("{")).status).toBe(400);
    expect(await payment.status(id)).toBe("PENDING");
  });

  test.each<[string, object]>([
    ["a charge without a currency", { currency: null }],
    ["a charge with a text as amount", { amount_received: "600" }],
    ["a charge with an impossible amount", { amount_received: 1e300 }],
    ["a charge with an id that no column can store", { id: "pi_\u0000" }],
    ["a charge with invalid metadata", { metadata: "saga" }],
  ])("%s is logged, and its sender need not resend it", async (_, changes) => {
    const id = await unknownCharge();
    expect(await resultOf(succeeded(id, changes))).toBe("unreadable");
    expect(await payment.status(id)).toBe("PENDING");
    expect(await alertsOf(id)).toEqual([]);
    // a readable event settles the charge
    expect(await resultOf(succeeded(id))).toBe("settled");
  });

  test("a refund that cannot be read", async () => {
    const event = eventOf("refund.updated", refund(saga(), { currency: 7 }));
    expect(await resultOf(event)).toBe("unreadable");
  });

  test("a body that is too large, with or without a content length", async () => {
    const large = succeeded(saga(), { description: "x".repeat(300_000) });
    expect((await payment.sendEvent(large)).status).toBe(413);
    expect((await payment.sendEvent(large, { chunked: true })).status).toBe(413);
  });

  test("another path is not found, and an event of another type is accepted and ignored", async () => {
    expect(await resultOf(eventOf("customer.created", { id: "cus_1" }))).toBe("ignored");
    const url = new URL("/", payment.webhookUrl());
    expect((await fetch(url)).status).toBe(404);
  });
});

test("without its database it asks the sender to resend the event, and then accepts it", async () => {
  const unreachable = openPostgres({
    url: "postgres://nobody@127.0.0.1:9/payment",
    poolSize: 2,
    applicationName: "gone",
  });
  await using down = payment.serveWebhooks(unreachable);
  const id = await unknownCharge();
  const event = succeeded(id);
  const response = await payment.sendEvent(event, { port: down.port });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(await resultOf(event)).toBe("settled");
  await unreachable[Symbol.asyncDispose]();
});

test("a charge whose reply was lost is settled by the simulator's own event, and requested once", async () => {
  await using hearing = await TestPayment.openHearing();
  const id = saga();
  await hearing.charge(id, "pm_sim_reply_lost");
  await hearing.round();
  await waitFor(async () => (await hearing.status(id)) === "SUCCEEDED");
  hearing.advance(60_000);
  expect(await hearing.round()).toBe(0);
  expect(await hearing.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  expect(hearing.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test("held money whose replies are lost is settled by the simulator's own events: held, taken, released", async () => {
  await using hearing = await TestPayment.openHearing();
  const [taken, released] = [saga(), saga()];
  for (const id of [taken, released]) await hearing.authorize(id, "pm_sim_capture_reply_lost");
  await hearing.round();
  await hearing.handle(capturePayment(taken), cancelPayment(released));
  const ends = () => Promise.all([hearing.status(taken), hearing.status(released)]);
  await roundsUntil(hearing, async () => (await ends()).join() === "SUCCEEDED,CANCELLED");
  // Neither the capture whose reply was lost nor its resend by the SDK was followed by another.
  expect((await hearing.simulator.stats())["cut"]).toBe(2);
  expect(await hearing.eventTypes(taken)).toEqual(["PaymentAuthorized", "PaymentSucceeded"]);
  expect(await hearing.eventTypes(released)).toEqual(["PaymentAuthorized", "PaymentCancelled"]);
  expect(hearing.money(taken)).toEqual({ net_cents: 600, charges: 1 });
});

test("a hold that ends by itself fails its payment by the simulator's own event", async () => {
  await using hearing = await TestPayment.openHearing();
  const id = saga();
  await hearing.authorize(id);
  await hearing.round();
  await hearing.simulator.control("POST", "end-holds", {}, Type.Unknown());
  await waitFor(async () => (await hearing.status(id)) === "FAILED");
  expect(await hearing.eventTypes(id)).toEqual(["PaymentAuthorized"]);
  await hearing.handle(capturePayment(id));
  expect((await hearing.eventTypes(id)).at(-1)).toBe("PaymentFailed");
});

test("results and doubled, shuffled events race for the same payments: each is charged and reported once", async () => {
  await using hearing = await TestPayment.openHearing();
  await hearing.simulator.setFaults({
    webhook_duplicate_rate: 1,
    webhook_delay_ms: 0,
    webhook_jitter_ms: 20,
  });
  const sagas = Array.from({ length: 30 }, saga);
  await Promise.all(sagas.map((id) => hearing.charge(id)));
  await hearing.handle(...sagas.slice(0, 5).map((id) => cancelPayment(id)));
  await Promise.all([hearing.round(), hearing.round()]);
  await hearing.round();
  await hearing.handle(...sagas.slice(5, 15).map((id) => refundPayment(id)));
  await Promise.all([hearing.round(), hearing.round()]);
  const heard = 2 * (25 + 10);
  await roundsUntil(
    hearing,
    async () => ((await hearing.simulator.stats())["webhooks_delivered"] ?? 0) === heard,
  );
  for (const [index, id] of sagas.entries()) {
    const undone: MessageType[] = index < 5 ? ["PaymentCancelled"] : ["PaymentSucceeded", "RefundCompleted"];
    expect(await hearing.eventTypes(id)).toEqual(index < 15 ? undone : ["PaymentSucceeded"]);
    expect(hearing.money(id)).toEqual({ net_cents: index < 15 ? 0 : 600, charges: index < 5 ? 0 : 1 });
  }
  expect([await hearing.alerts(), hearing.errors]).toEqual([[], []]);
});
