// The simulator as the payment service sees it: over HTTP, with Stripe's official SDK.
// oxlint-disable no-await-in-loop -- a client sends one request after another
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { appendFileSync, readFileSync } from "node:fs";
import { Type } from "@sinclair/typebox";
import { Stripe } from "stripe";
import { DAY_MS, failure, SAGA, TestProvider, waitFor } from "./test-provider.ts";

let provider: TestProvider;
beforeEach(() => {
  provider = new TestProvider();
});
afterEach(() => provider[Symbol.asyncDispose]());

describe("charging", () => {
  test("a good card is charged, and the ledger has it before the answer", async () => {
    const intent = await provider.charge();
    expect(intent).toMatchObject({
      object: "payment_intent",
      status: "succeeded",
      amount: 4_200,
      amount_received: 4_200,
      currency: "eur",
      metadata: { saga_id: SAGA },
    });
    expect(intent.lastResponse.requestId).toStartWith("req_");
    expect(provider.entries()).toMatchObject([
      {
        seq: 1,
        kind: "charge",
        payment_intent: intent.id,
        amount_cents: 4_200,
        currency: "EUR",
        saga_id: SAGA,
        idempotency_key: `${SAGA}:charge`,
        reply_lost: false,
      },
    ]);
    expect(await provider.stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ id: intent.id });
  });

  test("a refused card is a card error with its intent, and its key keeps the refusal", async () => {
    for (const replayed of [undefined, "true"]) {
      const error = await failure(provider.charge("pm_card_visa_chargeDeclinedInsufficientFunds"));
      expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
      expect(error).toMatchObject({
        statusCode: 402,
        code: "card_declined",
        decline_code: "insufficient_funds",
        payment_intent: { status: "requires_payment_method" },
      });
      expect(error.headers?.["idempotent-replayed"]).toBe(replayed);
    }
    expect(await provider.stats()).toMatchObject({ charges: 0, declines: 1, replays: 1 });
  });

  test("bad parameters and bad API keys are refused with Stripe's error classes, and no key stores them", async () => {
    const negative = await failure(provider.charge("pm_card_visa", "bad", -1));
    expect(negative).toMatchObject({ type: "StripeInvalidRequestError", param: "amount", statusCode: 400 });
    const unknown = await failure(provider.charge("pm_1RealLooking", "bad"));
    expect(unknown).toMatchObject({ code: "resource_missing", param: "payment_method" });
    expect((await provider.charge("pm_card_visa", "bad")).status).toBe("succeeded");
    const live = provider.client("sk_live_never");
    expect(await failure(live.paymentIntents.list())).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect(await failure(provider.stripe.paymentIntents.retrieve("pi_none"))).toMatchObject({
      statusCode: 404,
    });
  });
});

describe("expand", () => {
  const card = { brand: "mastercard", last4: "4444" };
  const charge = { object: "charge", status: "succeeded", payment_method_details: { type: "card", card } };
  const pay = (expand: string[]) =>
    provider.stripe.paymentIntents.create(
      { amount: 4_200, currency: "eur", payment_method: "pm_card_mastercard", confirm: true, expand },
      { idempotencyKey: "expanded" },
    );

  test("an answer has the charge with its card if it is asked for, and else its id", async () => {
    const intent = await pay(["latest_charge"]);
    expect(intent.latest_charge).toMatchObject({ ...charge, id: intent.id.replace("pi_", "ch_") });
    expect((await pay(["latest_charge"])).latest_charge).toEqual(intent.latest_charge);
    const { paymentIntents } = provider.stripe;
    expect((await paymentIntents.retrieve(intent.id)).latest_charge).toBe(intent.id.replace("pi_", "ch_"));
    const again = await paymentIntents.retrieve(intent.id, { expand: ["latest_charge"] });
    expect(again.latest_charge).toMatchObject(charge);
    const { data } = await paymentIntents.list({ expand: ["data.latest_charge"] });
    expect(data).toMatchObject([{ latest_charge: charge }]);
  });

  test("is one of the parameters that a key belongs to, and takes only the charge", async () => {
    await pay(["latest_charge"]);
    expect(await failure(pay([]))).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(await failure(pay(["customer"]))).toMatchObject({ statusCode: 400, param: "expand" });
    const list = provider.stripe.paymentIntents.list({ expand: ["latest_charge"] });
    expect(await failure(list)).toMatchObject({ statusCode: 400, param: "expand" });
  });
});

describe("idempotency", () => {
  test("the same key replays the first answer, even when the intent has changed since", async () => {
    const first = await provider.charge();
    await provider.stripe.refunds.create({ payment_intent: first.id });
    const second = await provider.charge();
    expect(second).toEqual(first);
    expect(await provider.stats()).toMatchObject({ charges: 1, replays: 1 });
  });

  test("other parameters or another endpoint with the same key are refused", async () => {
    const intent = await provider.charge();
    const otherAmount = await failure(provider.charge("pm_card_visa", `${SAGA}:charge`, 4_201));
    expect(otherAmount).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(otherAmount.statusCode).toBe(400);
    const otherPlace = provider.stripe.refunds.create(
      { payment_intent: intent.id },
      { idempotencyKey: `${SAGA}:charge` },
    );
    expect(await failure(otherPlace)).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
  });

  test("the later of two concurrent requests with one key gets 409", async () => {
    await provider.setFaults({ latency: "fixed:300" });
    const first = provider.charge();
    await waitFor(async () => (await provider.stats())["keys"] === 1);
    expect(await failure(provider.charge())).toMatchObject({
      statusCode: 409,
      code: "idempotency_key_in_use",
    });
    expect((await first).status).toBe("succeeded");
    expect(await provider.stats()).toMatchObject({ charges: 1, conflicts: 1 });
  });

  test("a key that expired after 24 h or on demand charges again", async () => {
    await provider.charge();
    provider.nowMs += DAY_MS;
    await provider.charge();
    expect(await expire({ keys: ["another"] })).toEqual({ expired: 0 });
    await provider.charge();
    expect(await expire({})).toEqual({ expired: 1 });
    await provider.charge();
    expect(await provider.stats()).toMatchObject({ charges: 3, replays: 1 });
    await provider.stop();
    provider.start();
    expect(await provider.stats()).toMatchObject({ charges: 3, keys: 1 });
  });
});

describe("refunds and cancellation", () => {
  test("refunds up to the charge, and not beyond", async () => {
    const { id: payment_intent } = await provider.charge();
    const refund = await provider.stripe.refunds.create({
      payment_intent,
      amount: 200,
      reason: "requested_by_customer",
    });
    expect(refund).toMatchObject({ object: "refund", status: "succeeded", amount: 200, payment_intent });
    expect(await provider.stripe.refunds.retrieve(refund.id)).toMatchObject({ id: refund.id });
    expect(await failure(provider.stripe.refunds.create({ payment_intent, amount: 4_001 }))).toMatchObject({
      param: "amount",
    });
    expect(await provider.stripe.refunds.create({ payment_intent })).toMatchObject({ amount: 4_000 });
    expect(await failure(provider.stripe.refunds.create({ payment_intent }))).toMatchObject({
      code: "charge_already_refunded",
    });
    expect((await provider.stripe.refunds.list({ payment_intent })).data.map(({ amount }) => amount)).toEqual(
      [4_000, 200],
    );
    expect(provider.entries()).toContainEqual(
      expect.objectContaining({ kind: "refund", refund: refund.id, saga_id: SAGA, amount_cents: 200 }),
    );
  });

  test("refunds fail until the configured time, then succeed with the same key", async () => {
    const { id: payment_intent } = await provider.charge();
    const refund = () =>
      provider.stripe.refunds.create({ payment_intent }, { idempotencyKey: `${SAGA}:refund` });
    await provider.setFaults({ refunds_fail_until_ms: provider.nowMs + 3_600_000 });
    expect((await failure(refund())).statusCode).toBe(500);
    expect((await failure(refund())).statusCode).toBe(500);
    provider.nowMs += 3_600_000;
    expect((await refund()).status).toBe("succeeded");
  });

  test("an unpaid intent can be cancelled, a paid one cannot", async () => {
    const open = await provider.stripe.paymentIntents.create({
      amount: 100,
      currency: "eur",
      payment_method: "pm_card_visa",
    });
    expect(open.status).toBe("requires_confirmation");
    expect(await provider.stripe.paymentIntents.cancel(open.id)).toMatchObject({ status: "canceled" });
    expect(await failure(provider.stripe.refunds.create({ payment_intent: open.id }))).toMatchObject({
      statusCode: 400,
    });
    const paid = await provider.charge();
    expect(await failure(provider.stripe.paymentIntents.cancel(paid.id))).toMatchObject({
      code: "payment_intent_unexpected_state",
    });
  });
});

describe("finding", () => {
  test("search finds a saga's intents, after the configured lag", async () => {
    const intent = await provider.charge();
    await provider.charge("pm_card_visa", "another attempt");
    expect((await provider.searchSaga(1)).data).toHaveLength(1);
    expect((await provider.searchSaga(1)).has_more).toBe(true);
    const all = await Array.fromAsync(
      provider.stripe.paymentIntents.search({
        query: `metadata['saga_id']:'${SAGA}' AND status:'succeeded'`,
        limit: 1,
      }),
    );
    expect(all.map(({ id }) => id)).toContain(intent.id);
    expect(all).toHaveLength(2);
    await provider.setFaults({ search_lag_ms: 60_000 });
    expect((await provider.searchSaga()).data).toEqual([]);
    provider.nowMs += 60_000;
    expect((await provider.searchSaga()).data).toHaveLength(2);
    expect((await failure(provider.stripe.paymentIntents.search({ query: "amount>5" }))).statusCode).toBe(
      400,
    );
  });

  test("the list pages through a time window, newest first", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 25; i++) {
      provider.nowMs += 1_000;
      ids.push((await provider.charge("pm_card_visa", `key ${i}`)).id);
    }
    const since = Math.floor(provider.nowMs / 1_000) - 21;
    const listed = await Array.fromAsync(
      provider.stripe.paymentIntents.list({ created: { gte: since }, limit: 4 }),
    );
    expect(listed.map(({ id }) => id)).toEqual(ids.slice(3).toReversed());
    const before = await provider.stripe.paymentIntents.list({ ending_before: ids[10] ?? "", limit: 3 });
    expect(before.data.map(({ id }) => id)).toEqual(ids.slice(11, 14).toReversed());
  });
});

describe("the ledger file", () => {
  test("no answer is sent before the entry is in the file, neither to its own request nor to a read", async () => {
    const gate = Promise.withResolvers<void>();
    const flushed = spyOn(provider.file, "flushed").mockReturnValue(gate.promise);
    const heard: string[] = [];
    const charged = provider.charge().then(() => heard.push("charge"));
    await waitFor(async () => flushed.mock.calls.length === 1);
    const found = provider.searchSaga().then(() => heard.push("search"));
    await waitFor(async () => flushed.mock.calls.length === 2);
    expect(heard).toEqual([]);
    gate.resolve();
    await Promise.all([charged, found]);
  });

  test("a restart restores intents, refunds, stored answers and declines; an incomplete last line is cut off", async () => {
    const intent = await provider.charge();
    const refund = await provider.stripe.refunds.create(
      { payment_intent: intent.id },
      { idempotencyKey: `${SAGA}:refund` },
    );
    await failure(provider.charge("pm_card_visa_chargeDeclined", "declined"));
    await provider.stop();
    appendFileSync(provider.ledgerFile, '{"seq":4,"at_ms":17');
    provider.start();
    expect(await provider.charge()).toEqual(intent);
    expect(
      await provider.stripe.refunds.create(
        { payment_intent: intent.id },
        { idempotencyKey: `${SAGA}:refund` },
      ),
    ).toEqual(refund);
    expect((await failure(provider.charge("pm_card_visa_chargeDeclined", "declined"))).code).toBe(
      "card_declined",
    );
    expect((await provider.searchSaga()).data).toHaveLength(2);
    await provider.charge("pm_card_visa", "new");
    expect(provider.entries().map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    const served = await (await fetch(`${provider.url}/_sim/ledger`)).text();
    expect(served).toBe(readFileSync(provider.ledgerFile, "utf8"));
  });

  test("the simulator does not start on a ledger that was tampered with", async () => {
    await provider.charge();
    await provider.stop();
    const file = provider.ledgerFile;
    appendFileSync(file, readFileSync(file));
    expect(() => provider.start()).toThrow("ledger entry 1 follows 1");
  });
});

function expire(body: unknown) {
  return provider.control("POST", "expire-keys", body, Type.Object({ expired: Type.Integer() }));
}
