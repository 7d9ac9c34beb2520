// The simulator as the payment service sees it: over HTTP, with Stripe's official SDK.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Stripe from "stripe";
import type { FaultSettings } from "./faults.ts";
import { startProvider, type RunningProvider } from "./start.ts";

const HOLD_MS = 400;
const CLIENT_TIMEOUT_MS = 150;
const SAGA = "0198c0de-0000-7000-8000-000000000001";

let folder: string;
let provider: RunningProvider;
let stripe: Stripe;
let nowMs: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paysim-"));
  nowMs = Date.parse("2026-03-01T12:00:00Z");
  start();
});

afterEach(async () => {
  await provider[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Also restarts: whatever is not in the ledger file is gone. */
function start(): void {
  provider = startProvider({
    hostname: "127.0.0.1",
    port: 0,
    ledgerFile: join(folder, "ledger.jsonl"),
    keyLifetimeMs: 24 * 3_600_000,
    seed: 7,
    latency: "fixed:0",
    clock: { now: () => nowMs },
  });
  stripe = new Stripe("sk_test_simulator", {
    host: "127.0.0.1",
    port: provider.server.port,
    protocol: "http",
    maxNetworkRetries: 0,
    timeout: CLIENT_TIMEOUT_MS,
    telemetry: false,
  });
}

async function restart(): Promise<void> {
  await provider[Symbol.asyncDispose]();
  start();
}

function charge(
  payment_method = "pm_card_visa",
  idempotencyKey = `${SAGA}:charge`,
  amount = 4_200,
): Promise<Stripe.Response<Stripe.PaymentIntent>> {
  return stripe.paymentIntents.create(
    { amount, currency: "eur", confirm: true, payment_method, metadata: { saga_id: SAGA } },
    { idempotencyKey },
  );
}

/** What the SDK throws. */
async function failure(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const caught: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (caught instanceof Stripe.errors.StripeError) return caught;
  throw new Error("the call did not fail", { cause: caught });
}

async function control(method: string, path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${provider.server.url}/_sim/${path}`, init);
  expect(response.status).toBe(200);
  return response.json();
}

const setFaults = (faults: Partial<FaultSettings>) => control("PUT", "faults", faults);
const stats = async () => (await control("GET", "stats")) as Record<string, number>;

function ledgerLines(): Record<string, unknown>[] {
  const text = readFileSync(join(folder, "ledger.jsonl"), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("charging", () => {
  test("a good card is charged, and the ledger has it before the answer", async () => {
    const intent = await charge();
    expect(intent).toMatchObject({
      object: "payment_intent",
      status: "succeeded",
      amount: 4_200,
      amount_received: 4_200,
      currency: "eur",
      metadata: { saga_id: SAGA },
    });
    expect(intent.lastResponse.requestId).toStartWith("req_");
    expect(ledgerLines()).toMatchObject([
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
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ id: intent.id });
  });

  test("a refused card is a card error with its intent, and stays refused under its key", async () => {
    for (const replayed of [undefined, "true"]) {
      const error = await failure(charge("pm_card_visa_chargeDeclinedInsufficientFunds"));
      expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
      expect(error).toMatchObject({
        statusCode: 402,
        code: "card_declined",
        decline_code: "insufficient_funds",
        payment_intent: { status: "requires_payment_method" },
      });
      expect(error.headers?.["idempotent-replayed"]).toBe(replayed);
    }
    expect(await stats()).toMatchObject({ charges: 0, declines: 1, replays: 1 });
  });

  test("bad parameters and bad API keys are refused in Stripe's classes and remembered by no key", async () => {
    const negative = await failure(charge("pm_card_visa", "bad", -1));
    expect(negative).toMatchObject({ type: "StripeInvalidRequestError", param: "amount", statusCode: 400 });
    const unknown = await failure(charge("pm_1RealLooking", "bad"));
    expect(unknown).toMatchObject({ code: "resource_missing", param: "payment_method" });
    expect((await charge("pm_card_visa", "bad")).status).toBe("succeeded");
    const live = new Stripe("sk_live_never", {
      host: "127.0.0.1",
      port: provider.server.port,
      protocol: "http",
    });
    expect(await failure(live.paymentIntents.list())).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect(await failure(stripe.paymentIntents.retrieve("pi_none"))).toMatchObject({ statusCode: 404 });
  });
});

describe("idempotency", () => {
  test("the same key replays the first answer, even when the intent has changed since", async () => {
    const first = await charge();
    await stripe.refunds.create({ payment_intent: first.id });
    const second = await charge();
    expect(second).toEqual(first);
    expect(await stats()).toMatchObject({ charges: 1, replays: 1 });
  });

  test("other parameters or another endpoint under the same key are refused", async () => {
    const intent = await charge();
    const otherAmount = await failure(charge("pm_card_visa", `${SAGA}:charge`, 4_201));
    expect(otherAmount).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(otherAmount.statusCode).toBe(400);
    const otherPlace = stripe.refunds.create(
      { payment_intent: intent.id },
      { idempotencyKey: `${SAGA}:charge` },
    );
    expect(await failure(otherPlace)).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
  });

  test("of two concurrent requests with one key the later is told 409", async () => {
    await setFaults({ latency: "fixed:80" });
    const first = charge();
    await Bun.sleep(20);
    expect(await failure(charge())).toMatchObject({ statusCode: 409, code: "idempotency_key_in_use" });
    expect((await first).status).toBe("succeeded");
    expect(await stats()).toMatchObject({ charges: 1, conflicts: 1 });
  });

  test("a key forgotten after 24 h, or expired on demand, charges again", async () => {
    await charge();
    nowMs += 24 * 3_600_000;
    await charge();
    expect(await control("POST", "expire-keys", { keys: ["another"] })).toEqual({ expired: 0 });
    await charge();
    expect(await control("POST", "expire-keys")).toEqual({ expired: 1 });
    await charge();
    expect(await stats()).toMatchObject({ charges: 3, replays: 1 });
    await restart();
    expect(await stats()).toMatchObject({ charges: 3, keys: 1 });
  });
});

describe("faults", () => {
  test("a lost reply stays lost through the SDK's own resend; the same key then tells the truth", async () => {
    const lost = await failure(charge("pm_sim_reply_lost"));
    expect(lost).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(ledgerLines()).toMatchObject([{ kind: "charge", reply_lost: true }]);
    expect((await charge("pm_sim_reply_lost")).status).toBe("succeeded");
    expect(await stats()).toMatchObject({ charges: 1, cut: 2 });
  });

  test("a timeout may end in success: not found while in flight, key in use, then charged", async () => {
    await setFaults({ hold_ms: HOLD_MS });
    const timeout = await failure(charge("pm_sim_timeout_then_success"));
    expect(timeout.message).toContain("timeout");
    expect((await searchSaga()).data).toEqual([]);
    expect((await failure(charge("pm_sim_timeout_then_success"))).code).toBe("idempotency_key_in_use");
    await waitFor(async () => (await searchSaga()).data.length === 1);
    expect((await charge("pm_sim_timeout_then_success")).status).toBe("succeeded");
    expect(ledgerLines()).toMatchObject([{ kind: "charge", reply_lost: true }]);
  });

  test("a timeout may end in nothing, once or always", async () => {
    await setFaults({ hold_ms: HOLD_MS });
    await failure(charge("pm_sim_timeout_once", "once"));
    expect((await charge("pm_sim_timeout_once", "once")).status).toBe("succeeded");
    await failure(charge("pm_sim_timeout_no_effect", "always"));
    await failure(charge("pm_sim_timeout_no_effect", "always"));
    expect(await stats()).toMatchObject({ charges: 1, held: 3 });
  });

  test("a 500 may be forgotten or kept, with or without an effect", async () => {
    expect((await failure(charge("pm_sim_500_once", "once"))).statusCode).toBe(500);
    expect((await charge("pm_sim_500_once", "once")).status).toBe("succeeded");
    for (const token of ["pm_sim_500", "pm_sim_500_stored", "pm_sim_500_after_effect"]) {
      expect((await failure(charge(token, token))).statusCode).toBe(500);
      expect((await failure(charge(token, token))).statusCode).toBe(500);
    }
    expect(ledgerLines()).toMatchObject([
      { kind: "charge", idempotency_key: "once", reply_lost: false },
      { kind: "refusal", idempotency_key: "pm_sim_500_stored" },
      { kind: "charge", idempotency_key: "pm_sim_500_after_effect", reply_lost: true },
    ]);
    expect(await stats()).toMatchObject({ charges: 2, replays: 2 });
  });

  test("settings are checked, and an empty body heals", async () => {
    await setFaults({ decline_rate: 1 });
    expect((await failure(charge("pm_card_visa", "a"))).code).toBe("card_declined");
    for (const bad of [{ declines: 1 }, { latency: "fast" }, { decline_rate: 0.6, reply_lost_rate: 0.6 }]) {
      const init = { method: "PUT", body: JSON.stringify(bad) };
      expect((await fetch(`${provider.server.url}/_sim/faults`, init)).status).toBe(422);
    }
    expect(await control("GET", "faults")).toMatchObject({ decline_rate: 1 });
    await setFaults({});
    expect((await charge("pm_card_visa", "b")).status).toBe("succeeded");
  });
});

describe("refunds and cancellation", () => {
  test("refunds up to the charge, and not beyond", async () => {
    const { id: payment_intent } = await charge();
    const refund = await stripe.refunds.create({
      payment_intent,
      amount: 200,
      reason: "requested_by_customer",
    });
    expect(refund).toMatchObject({ object: "refund", status: "succeeded", amount: 200, payment_intent });
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ id: refund.id });
    expect(await failure(stripe.refunds.create({ payment_intent, amount: 4_001 }))).toMatchObject({
      param: "amount",
    });
    expect(await stripe.refunds.create({ payment_intent })).toMatchObject({ amount: 4_000 });
    expect(await failure(stripe.refunds.create({ payment_intent }))).toMatchObject({
      code: "charge_already_refunded",
    });
    expect((await stripe.refunds.list({ payment_intent })).data.map(({ amount }) => amount)).toEqual([
      4_000, 200,
    ]);
    expect(ledgerLines()).toContainEqual(
      expect.objectContaining({ kind: "refund", refund: refund.id, saga_id: SAGA, amount_cents: 200 }),
    );
  });

  test("refunds fail for as long as they are told to, then go through under the same key", async () => {
    const { id: payment_intent } = await charge();
    const refund = () => stripe.refunds.create({ payment_intent }, { idempotencyKey: `${SAGA}:refund` });
    await setFaults({ refunds_fail_until_ms: nowMs + 3_600_000 });
    expect((await failure(refund())).statusCode).toBe(500);
    expect((await failure(refund())).statusCode).toBe(500);
    nowMs += 3_600_000;
    expect((await refund()).status).toBe("succeeded");
  });

  test("an unpaid intent can be cancelled, a paid one cannot", async () => {
    const open = await stripe.paymentIntents.create({
      amount: 100,
      currency: "eur",
      payment_method: "pm_card_visa",
    });
    expect(open.status).toBe("requires_confirmation");
    expect(await stripe.paymentIntents.cancel(open.id)).toMatchObject({ status: "canceled" });
    expect(await failure(stripe.refunds.create({ payment_intent: open.id }))).toMatchObject({
      statusCode: 400,
    });
    const paid = await charge();
    expect(await failure(stripe.paymentIntents.cancel(paid.id))).toMatchObject({
      code: "payment_intent_unexpected_state",
    });
  });
});

describe("finding", () => {
  test("search finds a saga's intents, late if told so", async () => {
    const intent = await charge();
    await charge("pm_card_visa", "another attempt");
    expect((await searchSaga(1)).data).toHaveLength(1);
    expect((await searchSaga(1)).has_more).toBe(true);
    const all = await Array.fromAsync(
      stripe.paymentIntents.search({
        query: `metadata['saga_id']:'${SAGA}' AND status:'succeeded'`,
        limit: 1,
      }),
    );
    expect(all.map(({ id }) => id)).toContain(intent.id);
    expect(all).toHaveLength(2);
    await setFaults({ search_lag_ms: 60_000 });
    expect((await searchSaga()).data).toEqual([]);
    nowMs += 60_000;
    expect((await searchSaga()).data).toHaveLength(2);
    expect((await failure(stripe.paymentIntents.search({ query: "amount>5" }))).statusCode).toBe(400);
  });

  test("the list pages through everything of a time window, newest first", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 25; i++) {
      nowMs += 1_000;
      ids.push((await charge("pm_card_visa", `key ${i}`)).id);
    }
    const since = Math.floor(nowMs / 1_000) - 21;
    const listed = await Array.fromAsync(stripe.paymentIntents.list({ created: { gte: since }, limit: 4 }));
    expect(listed.map(({ id }) => id)).toEqual(ids.slice(3).toReversed());
    const before = await stripe.paymentIntents.list({ ending_before: ids[10] ?? "", limit: 3 });
    expect(before.data.map(({ id }) => id)).toEqual(ids.slice(11, 14).toReversed());
  });
});

describe("the ledger file", () => {
  test("a restart brings back intents, refunds, stored answers and declines; a torn last line is cut off", async () => {
    const intent = await charge();
    const refund = await stripe.refunds.create(
      { payment_intent: intent.id },
      { idempotencyKey: `${SAGA}:refund` },
    );
    await failure(charge("pm_card_visa_chargeDeclined", "declined"));
    await provider[Symbol.asyncDispose]();
    appendFileSync(join(folder, "ledger.jsonl"), '{"seq":4,"at_ms":17');
    start();
    expect(await charge()).toEqual(intent);
    expect(
      await stripe.refunds.create({ payment_intent: intent.id }, { idempotencyKey: `${SAGA}:refund` }),
    ).toEqual(refund);
    expect((await failure(charge("pm_card_visa_chargeDeclined", "declined"))).code).toBe("card_declined");
    expect((await searchSaga()).data).toHaveLength(2);
    await charge("pm_card_visa", "new");
    expect(ledgerLines().map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    const served = await (await fetch(`${provider.server.url}/_sim/ledger`)).text();
    expect(served).toBe(readFileSync(join(folder, "ledger.jsonl"), "utf8"));
  });

  test("a ledger that was tampered with is not started on", async () => {
    await charge();
    await provider[Symbol.asyncDispose]();
    const file = join(folder, "ledger.jsonl");
    appendFileSync(file, readFileSync(file));
    expect(() => start()).toThrow("ledger entry 1 follows 1");
  });
});

function searchSaga(limit = 10) {
  return stripe.paymentIntents.search({ query: `metadata['saga_id']:'${SAGA}'`, limit });
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("waited 5 s in vain");
    await Bun.sleep(20);
  }
}
