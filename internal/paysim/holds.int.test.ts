// Money that is held first, through Stripe's SDK: taken once, released by a cancel, or ended by itself.
import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { DAY_MS, failure, SAGA, TestProvider } from "./test-provider.ts";

const WITH_CHARGE = { expand: ["latest_charge"] };

function hold(provider: TestProvider, payment_method = "pm_card_visa", idempotencyKey = "hold") {
  return provider.stripe.paymentIntents.create(
    {
      amount: 4_200,
      currency: "eur",
      confirm: true,
      capture_method: "manual",
      payment_method,
      metadata: { saga_id: SAGA },
      ...WITH_CHARGE,
    },
    { idempotencyKey },
  );
}

const kinds = (provider: TestProvider) => provider.entries().map(({ kind }) => kind);

test("a hold takes nothing, says until when it lasts, and can be taken once", async () => {
  await using provider = new TestProvider();
  const intent = await hold(provider);
  expect(intent).toMatchObject({
    status: "requires_capture",
    capture_method: "manual",
    amount_capturable: 4_200,
    amount_received: 0,
    latest_charge: {
      captured: false,
      payment_method_details: { card: { capture_before: Math.floor((provider.nowMs + 7 * DAY_MS) / 1_000) } },
    },
  });
  expect(await provider.stats()).toMatchObject({ charges: 0, holds: 1 });

  const capture = (idempotencyKey: string) =>
    provider.stripe.paymentIntents.capture(intent.id, WITH_CHARGE, { idempotencyKey });
  const taken = await capture("capture");
  expect(taken).toMatchObject({
    status: "succeeded",
    amount_capturable: 0,
    amount_received: 4_200,
    latest_charge: { captured: true, amount_captured: 4_200 },
  });
  expect((await capture("capture")).id).toBe(intent.id);
  expect(await failure(capture("another"))).toMatchObject({
    code: "payment_intent_unexpected_state",
    statusCode: 400,
  });
  expect(kinds(provider)).toEqual(["hold", "charge", "refusal"]);
  expect(await provider.stats()).toMatchObject({ charges: 1, charged_cents: 4_200 });
});

test("a cancel releases what is held, and nothing can be taken afterwards", async () => {
  await using provider = new TestProvider();
  const { id } = await hold(provider);
  const released = await provider.stripe.paymentIntents.cancel(id);
  expect(released).toMatchObject({ status: "canceled", amount_capturable: 0, amount_received: 0 });
  expect(await failure(provider.stripe.paymentIntents.capture(id))).toMatchObject({
    code: "payment_intent_unexpected_state",
  });
  expect(await provider.stripe.paymentIntents.retrieve(id, WITH_CHARGE)).toMatchObject({
    latest_charge: { captured: false, refunded: true },
  });
  expect(await failure(provider.stripe.refunds.create({ payment_intent: id }))).toMatchObject({
    statusCode: 400,
  });
});

test("a hold ends after seven days, with its token at once, and when a test says so", async () => {
  await using provider = new TestProvider();
  const [lasting, ending] = [await hold(provider), await hold(provider, "pm_sim_hold_ends", "ending")];
  const statusOf = async ({ id }: { readonly id: string }) =>
    (await provider.stripe.paymentIntents.retrieve(id)).status;
  expect([await statusOf(lasting), await statusOf(ending)]).toEqual(["requires_capture", "canceled"]);
  provider.nowMs += 7 * DAY_MS - 1;
  expect(await statusOf(lasting)).toBe("requires_capture");
  provider.nowMs += 1;
  expect(await failure(provider.stripe.paymentIntents.capture(lasting.id))).toMatchObject({
    code: "payment_intent_unexpected_state",
  });
  expect(await provider.stripe.paymentIntents.retrieve(lasting.id)).toMatchObject({
    status: "canceled",
    cancellation_reason: "automatic",
  });
  const third = await hold(provider, "pm_card_visa", "third");
  const ended = await provider.control("POST", "end-holds", {}, Type.Object({ ended: Type.Number() }));
  expect([ended, await statusOf(third)]).toEqual([{ ended: 1 }, "canceled"]);
});

test("a bank may refuse a capture and still hold the money", async () => {
  await using provider = new TestProvider();
  const { id } = await hold(provider, "pm_sim_capture_declined");
  expect(await failure(provider.stripe.paymentIntents.capture(id))).toMatchObject({ code: "card_declined" });
  expect((await provider.stripe.paymentIntents.retrieve(id)).status).toBe("requires_capture");
});

test("holds and captures are what they were after a restart", async () => {
  await using provider = new TestProvider();
  const [held, taken] = [await hold(provider), await hold(provider, "pm_card_visa", "taken")];
  await provider.stripe.paymentIntents.capture(taken.id);
  await provider.stop();
  provider.start();
  expect((await provider.stripe.paymentIntents.retrieve(held.id)).amount_capturable).toBe(4_200);
  expect((await provider.stripe.paymentIntents.retrieve(taken.id)).amount_received).toBe(4_200);
  provider.nowMs += 7 * DAY_MS;
  expect((await provider.stripe.paymentIntents.retrieve(held.id)).status).toBe("canceled");
  expect((await provider.stripe.paymentIntents.retrieve(taken.id)).status).toBe("succeeded");
});
