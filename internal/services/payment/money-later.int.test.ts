// What happens to money after the charge, on a real Postgres and the simulator with its events: refunds that are pending, that fail, and
// that fail after they had succeeded; refunds made in the provider's dashboard; disputes. Each ends with what the provider's ledger says.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { waitFor } from "../../paysim/test-provider.ts";
import { refundPayment } from "../../testkit/commands.ts";
import { TestPayment } from "../../testkit/payment.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let hearing: TestPayment;
/** Gets no events. */
let deaf: TestPayment;
beforeAll(async () => {
  [hearing, deaf] = await Promise.all([TestPayment.openHearing(), TestPayment.open()]);
  // Only the tests decide when something happens later.
  for (const payment of [hearing, deaf])
    await payment.simulator.setFaults({ aftermath_ms: 3_600_000, webhook_delay_ms: 0 });
});
afterAll(async () => {
  await hearing[Symbol.asyncDispose]();
  await deaf[Symbol.asyncDispose]();
});

/** A charge of 6.00 EUR that succeeded. Returns its saga. */
async function charged(payment: TestPayment, card = "pm_card_visa"): Promise<string> {
  const id = Bun.randomUUIDv7();
  await payment.charge(id, card);
  await payment.round();
  expect(await payment.status(id)).toBe("SUCCEEDED");
  return id;
}

/** The same, and its refund was requested. Returns the provider's id of the refund, too. */
async function refunding(payment: TestPayment, card: string) {
  const id = await charged(payment, card);
  await payment.handle(refundPayment(id));
  const { charge } = await row(payment, id);
  let refund: string | undefined;
  // A round leaves out a payment that an event has locked just now.
  await waitFor(async () => {
    await payment.round();
    const { data } = await payment.simulator.stripe.refunds.list({ payment_intent: charge });
    refund = data[0]?.id;
    return refund !== undefined;
  });
  return { id, charge, refund: refund ?? "" };
}

async function row(payment: TestPayment, id: string) {
  const [found] = await payment.database.sql<
    {
      charge: string;
      refund: string | null;
      status: string | null;
      error_code: string | null;
      failed_ids: string[] | null;
    }[]
  >`
    select provider_txn_id as charge, provider_refund_id as refund, r.status, r.error_code, failed_ids
      from payments left join refunds r using (payment_id) where saga_id = ${id}`;
  if (found === undefined) throw new Error(`no payment of saga ${id}`);
  return found;
}

const later = (payment: TestPayment, body: object) =>
  payment.simulator.control("POST", "later", body, Type.Unknown());
const alertsOf = async (payment: TestPayment, id: string) =>
  (await payment.alerts()).filter(({ saga_id }) => saga_id === id);
const becomes = (payment: TestPayment, id: string, status: string) =>
  waitFor(async () => (await payment.status(id)) === status);

test("a pending refund is reported when it succeeds, by its event", async () => {
  const { id, refund } = await refunding(hearing, "pm_card_pendingRefund");
  expect(await row(hearing, id)).toMatchObject({ status: "PENDING", refund, error_code: "REFUND_PENDING" });
  expect(await hearing.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  await later(hearing, { refund, status: "succeeded" });
  await becomes(hearing, id, "REFUNDED");
  expect(await hearing.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
  expect([await alertsOf(hearing, id), hearing.money(id)]).toEqual([[], { net_cents: 0, charges: 1 }]);
});

test("a pending refund is reported without any event, by a look-up", async () => {
  const { id, refund } = await refunding(deaf, "pm_card_pendingRefund");
  await later(deaf, { refund, status: "succeeded" });
  expect(await deaf.status(id)).toBe("REFUND_PENDING");
  deaf.advance(5_000);
  await deaf.round();
  expect(await deaf.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
});

test("a pending refund that fails is an alert, and no other is requested until a person has refunded", async () => {
  for (const payment of [hearing, deaf]) {
    const { id, charge, refund } = await refunding(payment, "pm_sim_refund_pending_fails");
    await later(payment, { refund, status: "failed" });
    if (payment === deaf) payment.advance(MINUTE_MS);
    if (payment === deaf) await payment.round();
    await waitFor(async () => (await alertsOf(payment, id)).length > 0);
    expect(await alertsOf(payment, id)).toMatchObject([
      {
        kind: "refund_failed",
        subject: refund,
        detail: expect.stringContaining("REFUND_FAILED_CARD_CLOSED"),
      },
    ]);
    for (let round = 0; round < 20; round += 1) {
      payment.advance(5 * MINUTE_MS);
      await payment.round();
    }
    expect((await payment.simulator.stripe.refunds.list({ payment_intent: charge })).data).toHaveLength(1);
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
    // In the dashboard. (The card of this charge makes it pending first.)
    const second = await payment.simulator.stripe.refunds.create({ payment_intent: charge });
    await later(payment, { refund: second.id, status: "succeeded" });
    payment.advance(5 * MINUTE_MS);
    await payment.round();
    await becomes(payment, id, "REFUNDED");
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
    // The next comparison closes the alert by itself.
    await (await payment.reconciler()).runOnce();
    expect(await alertsOf(payment, id)).toMatchObject([{ close_note: "the ledgers agree again" }]);
  }
});

test("a refund that fails after it was reported is open again with an alert, and its events come in any order", async () => {
  const { id, refund } = await refunding(hearing, "pm_card_refundFail");
  expect(await hearing.status(id)).toBe("REFUNDED");
  await later(hearing, { refund, status: "failed" });
  await becomes(hearing, id, "REFUND_PENDING");
  expect(await row(hearing, id)).toMatchObject({ refund: null, failed_ids: [refund] });
  expect(await alertsOf(hearing, id)).toMatchObject([{ kind: "refund_failed", subject: refund }]);
  expect(hearing.errors.at(-1)).toContain("failed at the provider");
  // An old event of the success.
  const object = { ...(await hearing.simulator.stripe.refunds.retrieve(refund)), status: "succeeded" };
  const event = { id: "evt_old", object: "event", type: "refund.updated", data: { object } };
  expect((await hearing.sendEvent(event)).status).toBe(200);
  expect(await hearing.status(id)).toBe("REFUND_PENDING");
  expect(await hearing.eventTypes(id)).toEqual(["PaymentSucceeded", "RefundCompleted"]);
});

test("a refund that fails late and without an event is found when it is days old", async () => {
  const { id, refund } = await refunding(deaf, "pm_card_refundFail");
  expect(await deaf.status(id)).toBe("REFUNDED");
  await later(deaf, { refund, status: "failed" });
  deaf.advance(10 * DAY_MS - MINUTE_MS);
  const reconciler = await deaf.reconciler();
  deaf.advance(5 * MINUTE_MS);
  expect(await reconciler.runOnce()).toMatchObject({ processed: 1 });
  expect(await deaf.status(id)).toBe("REFUND_PENDING");
  expect(await alertsOf(deaf, id)).toMatchObject([{ kind: "refund_failed", subject: refund }]);
});

test("a refund made in the provider's dashboard is an alert of its own kind, of all or of a part", async () => {
  for (const amount of [600, 100]) {
    const id = await charged(hearing);
    const { charge } = await row(hearing, id);
    const { id: refund } = await hearing.simulator.stripe.refunds.create({ payment_intent: charge, amount });
    await waitFor(async () => (await alertsOf(hearing, id)).length > 0);
    expect(await alertsOf(hearing, id)).toMatchObject([{ kind: "refund_elsewhere", subject: refund }]);
    expect(await hearing.status(id)).toBe("SUCCEEDED");
  }
});

test("a dispute is an alert that closes when it is won, and stays when it is lost", async () => {
  for (const outcome of ["won", "lost"] as const) {
    const id = await charged(hearing);
    const { charge } = await row(hearing, id);
    await later(hearing, { payment_intent: charge });
    await waitFor(async () => (await alertsOf(hearing, id)).length > 0);
    const [alert] = await alertsOf(hearing, id);
    expect(alert).toMatchObject({ kind: "dispute", close_note: null });
    expect(alert?.detail).toMatch(
      /disputes 6\.00 EUR .*\(fraudulent\).*SUCCEEDED: answer the provider by 20/,
    );
    await later(hearing, { dispute: alert?.subject, outcome });
    const end = outcome === "won" ? { close_note: "the dispute was won" } : { close_note: null };
    await waitFor(async () => (await alertsOf(hearing, id))[0]?.detail.includes(outcome) === true);
    expect(await alertsOf(hearing, id)).toMatchObject([end]);
  }
});

test("a won dispute whose first event comes last opens no alert", async () => {
  const id = await charged(deaf);
  const { charge } = await row(deaf, id);
  await later(deaf, { payment_intent: charge });
  const { data } = await deaf.simulator.stripe.disputes.list({ payment_intent: charge });
  const event = (type: string, status: string) =>
    deaf.sendEvent({ id: `evt_${type}`, object: "event", type, data: { object: { ...data[0], status } } });
  await event("charge.dispute.closed", "won");
  await event("charge.dispute.created", "needs_response");
  expect(await alertsOf(deaf, id)).toMatchObject([{ kind: "dispute", close_note: "the dispute was won" }]);
});

test("the events of a dispute that are lost are made up for by the next comparison", async () => {
  const id = await charged(deaf);
  const { charge } = await row(deaf, id);
  await later(deaf, { payment_intent: charge });
  const { data } = await deaf.simulator.stripe.disputes.list({ payment_intent: charge });
  const [dispute] = data;
  const created = {
    id: "evt_made",
    object: "event",
    type: "charge.dispute.created",
    data: { object: dispute },
  };
  await deaf.sendEvent(created);
  const open = await alertsOf(deaf, id);
  expect(open).toMatchObject([{ kind: "dispute", close_note: null }]);
  deaf.advance(MINUTE_MS);
  await (await deaf.reconciler()).runOnce();
  expect(await alertsOf(deaf, id)).toEqual(open);
  await later(deaf, { dispute: dispute?.id, outcome: "won" });
  deaf.advance(MINUTE_MS);
  await (await deaf.reconciler()).runOnce();
  expect(await alertsOf(deaf, id)).toMatchObject([{ close_note: "the dispute was won" }]);
});

test("a dispute of another shop's charge on the same account is none of ours", async () => {
  const charge = await hearing.simulator.charge("pm_card_visa", "other shop");
  const object = {
    id: "du_other",
    object: "dispute",
    amount: 4_200,
    currency: "eur",
    status: "needs_response",
    reason: "fraudulent",
    payment_intent: charge.id,
  };
  const event = { id: "evt_other", object: "event", type: "charge.dispute.created", data: { object } };
  expect(await (await hearing.sendEvent(event)).json()).toEqual({ result: "foreign" });
});
