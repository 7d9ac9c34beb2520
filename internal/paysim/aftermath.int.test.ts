// What happens to refunds and charges later, seen through Stripe's SDK and the events, as Stripe documents it.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Stripe } from "stripe";
import { failure, TestProvider, waitFor } from "./test-provider.ts";

let received: Stripe.Event[];
let receiver: Bun.Server<undefined>;
let provider: TestProvider;

beforeEach(async () => {
  received = [];
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const event: Stripe.Event = await request.json();
      received.push(event);
      return new Response();
    },
  });
  provider = new TestProvider({ url: receiver.url.href, secret: "whsec_x" });
  await provider.setFaults({ webhook_delay_ms: 0, aftermath_ms: 100 });
});
afterEach(async () => {
  await provider[Symbol.asyncDispose]();
  await receiver.stop(true);
});

const typesAbout = (id: string) =>
  received
    .flatMap(({ type, data }) => ("id" in data.object && data.object.id === id ? [type] : []))
    .toSorted();
const happened = (id: string, count: number) => waitFor(async () => typesAbout(id).length >= count);
const later = (body: object) => provider.control("POST", "later", body, Type.Unknown());
const moved = () => provider.entries().filter(({ kind }) => kind === "refund").length;

test("a pending refund moves money when it succeeds, and until then nobody can refund the same money", async () => {
  const charge = await provider.charge("pm_card_pendingRefund");
  const refund = await provider.stripe.refunds.create({ payment_intent: charge.id });
  expect(refund).toMatchObject({ status: "pending", pending_reason: "processing" });
  expect(moved()).toBe(0);
  const again = await failure(provider.stripe.refunds.create({ payment_intent: charge.id }));
  expect(again.code).toBe("charge_already_refunded");
  await happened(refund.id, 3);
  expect(typesAbout(refund.id)).toEqual(["charge.refund.updated", "refund.created", "refund.updated"]);
  expect(await provider.stripe.refunds.retrieve(refund.id)).toMatchObject({ status: "succeeded" });
  expect(moved()).toBe(1);
  expect(await provider.stats()).toMatchObject({ refunds: 1, refunded_cents: 4_200 });
});

test.each([
  ["pm_sim_refund_pending_fails", "pending"],
  ["pm_card_refundFail", "succeeded"],
])("a refund of %s is %s and fails later: the money is ours again", async (token, status) => {
  const charge = await provider.charge(token);
  const refund = await provider.stripe.refunds.create({ payment_intent: charge.id });
  expect(refund.status).toBe(status);
  await happened(refund.id, 4);
  expect(typesAbout(refund.id)).toEqual([
    "charge.refund.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
  ]);
  expect(await provider.stripe.refunds.retrieve(refund.id)).toMatchObject({
    status: "failed",
    failure_reason: "expired_or_canceled_card",
  });
  expect(await provider.stats()).toMatchObject({ refunds: 0, refunded_cents: 0 });
  // After a restart the ledger file says the same, and the charge can be refunded.
  await provider.stop();
  provider.start();
  expect(await provider.stripe.refunds.retrieve(refund.id)).toMatchObject({ status: "failed" });
  const next = await provider.stripe.refunds.create({ payment_intent: charge.id });
  expect(next.id).not.toBe(refund.id);
});

test("a disputed charge cannot be refunded, and can again when the dispute is won", async () => {
  const charge = await provider.charge("pm_card_createDispute");
  await waitFor(async () => received.some(({ type }) => type === "charge.dispute.created"));
  const { data } = await provider.stripe.disputes.list({ payment_intent: charge.id });
  const [dispute] = data;
  expect(dispute).toMatchObject({ status: "needs_response", amount: 4_200, payment_intent: charge.id });
  const refused = await failure(provider.stripe.refunds.create({ payment_intent: charge.id }));
  expect(refused.code).toBe("charge_disputed");
  await later({ dispute: dispute?.id, outcome: "won" });
  await happened(dispute?.id ?? "", 2);
  expect(typesAbout(dispute?.id ?? "")).toEqual(["charge.dispute.closed", "charge.dispute.created"]);
  expect(await provider.stripe.disputes.retrieve(dispute?.id ?? "")).toMatchObject({ status: "won" });
  expect(await provider.stripe.refunds.create({ payment_intent: charge.id })).toMatchObject({
    status: "succeeded",
  });
});

test("the control API refuses what cannot happen", async () => {
  const charge = await provider.charge();
  const refund = await provider.stripe.refunds.create({ payment_intent: charge.id });
  for (const impossible of [
    { refund: refund.id, status: "succeeded" },
    { refund: "re_x", status: "failed" },
    { dispute: "du_x", outcome: "won" },
    { payment_intent: "pi_x" },
  ])
    await expect(later(impossible)).rejects.toThrow("422");
  await later({ refund: refund.id, status: "failed", reason: "declined" });
  await expect(later({ refund: refund.id, status: "failed" })).rejects.toThrow("422");
});
