// The simulated PayPal's transactions as the ledger that reconciliation reads.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { TestPayPal } from "../../../../paysim/paypal/test-paypal.ts";
import { ProviderStub } from "../../../../testkit/provider-stub.ts";
import { PayPalLedger } from "./paypal-ledger.ts";
import { PayPalProvider } from "./paypal.ts";

const HOUR_MS = 3_600_000;
const sagaOf = (number: number) => `0198c0de-0000-7000-8000-00000000000${number}`;

let paypal: TestPayPal;
let provider: PayPalProvider;
let ledger: PayPalLedger;
beforeEach(() => {
  paypal = new TestPayPal();
  const account = {
    clientId: "client",
    clientSecret: "secret",
    mark: "checkout",
    baseUrl: new URL(paypal.url),
  };
  provider = new PayPalProvider({
    ...account,
    shopUrl: new URL("http://shop.test"),
    clock: { now: () => paypal.nowMs },
  });
  ledger = new PayPalLedger(account);
});
afterEach(() => paypal[Symbol.asyncDispose]());

async function paid(number: number, currency = "EUR", amount_cents = 4_200): Promise<string> {
  const saga_id = sagaOf(number);
  const waiting = await provider.charge({
    idempotency_key: `${saga_id}:charge`,
    saga_id,
    amount_cents,
    currency,
    payment_method: "paypal",
    shopper_present: true,
    capture: "automatic",
  });
  const charge = "provider_txn_id" in waiting ? (waiting.provider_txn_id ?? "") : "";
  await paypal.press(charge.replace("order:", ""), "approve");
  const taken = await provider.lookUpCharge(charge);
  return taken.kind === "succeeded" ? taken.provider_txn_id : "";
}

test("charges and refunds of a span, with the amounts and ids that the payments have", async () => {
  const fromMs = paypal.nowMs;
  const first = await paid(1);
  const second = await paid(2, "HUF", 104_500);
  const refunded = await provider.refund({
    idempotency_key: "r",
    saga_id: sagaOf(1),
    provider_txn_id: first,
  });
  const provider_refund_id = "provider_refund_id" in refunded ? refunded.provider_refund_id : "";
  const untilMs = paypal.nowMs + 1_000;
  paypal.nowMs = untilMs;
  await paid(3);
  const eur = { amount_cents: 4_200, currency: "EUR", isMarked: true, saga_id: sagaOf(1) };
  const charge = { ...eur, provider_txn_id: first, answer: { kind: "succeeded", provider_txn_id: first } };
  const span = { fromMs, untilMs };
  expect(await ledger.charges(span, null)).toMatchObject({
    entries: [
      charge,
      { provider_txn_id: second, amount_cents: 104_500, currency: "HUF", saga_id: sagaOf(2), isMarked: true },
    ],
    next: null,
  });
  const ours = { ...eur, provider_refund_id, provider_txn_id: first, isRequestedHere: true };
  const refund = { ...ours, status: "succeeded" };
  expect(await ledger.refunds(span, null)).toMatchObject({ entries: [refund], next: null });
  expect(await ledger.charge(first)).toMatchObject(charge);
  expect(await ledger.refund(provider_refund_id)).toMatchObject(refund);
});

test("nothing of an hour is listed before PayPal shows it, and it is there by its id at once", async () => {
  paypal.setFaults({ search_lag_ms: 3 * HOUR_MS });
  const fromMs = paypal.nowMs;
  const capture = await paid(1);
  const span = { fromMs, untilMs: fromMs + HOUR_MS };
  expect((await ledger.charges(span, null)).entries).toEqual([]);
  expect(await ledger.charge(capture)).toMatchObject({ provider_txn_id: capture });
  paypal.nowMs += 3 * HOUR_MS;
  expect((await ledger.charges(span, null)).entries).toMatchObject([{ provider_txn_id: capture }]);
});

test("a refund that somebody makes in PayPal's dashboard is not ours, although it may have the ids of its capture", async () => {
  const fromMs = paypal.nowMs;
  const capture = await paid(1);
  const { access_token } = await tokenOf(paypal.url);
  const path = `v2/payments/captures/${capture}/refund`;
  const headers = {
    authorization: `Bearer ${access_token}`,
    "content-type": "application/json",
    prefer: "return=representation",
  };
  const made = await fetch(`${paypal.url}/${path}`, { method: "POST", headers, body: "{}" });
  const { id } = Value.Parse(Type.Object({ id: Type.String() }), await made.json());
  const theirs = { provider_refund_id: id, saga_id: sagaOf(1), isMarked: true, isRequestedHere: false };
  expect(await ledger.refund(id)).toMatchObject(theirs);
  const span = { fromMs, untilMs: paypal.nowMs + 1_000 };
  expect((await ledger.refunds(span, null)).entries).toMatchObject([theirs]);
});

async function tokenOf(url: string): Promise<{ readonly access_token: string }> {
  const headers = { authorization: `Basic ${Buffer.from("client:secret").toString("base64")}` };
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const answer = await fetch(`${url}/v1/oauth2/token`, { method: "POST", headers, body });
  return Value.Parse(Type.Object({ access_token: Type.String() }), await answer.json());
}

/** An order whose money is to be held. */
async function asked(number: number): Promise<string> {
  const saga_id = sagaOf(number);
  const waiting = await provider.charge({
    idempotency_key: `${saga_id}:charge`,
    saga_id,
    amount_cents: 4_200,
    currency: "EUR",
    payment_method: "paypal",
    shopper_present: true,
    capture: "manual",
  });
  return "provider_txn_id" in waiting ? (waiting.provider_txn_id ?? "") : "";
}

test("a hold is listed under its authorization, and found by that under the id of its order, as it is now", async () => {
  const fromMs = paypal.nowMs;
  const charge = await asked(1);
  await paypal.press(charge.replace("order:", ""), "approve");
  await provider.lookUpCharge(charge);
  const { entries } = await ledger.charges({ fromMs, untilMs: paypal.nowMs + 1_000 }, null);
  const ours = { saga_id: sagaOf(1), isMarked: true, amount_cents: 4_200, currency: "EUR" };
  expect(entries).toMatchObject([{ ...ours, answer: { kind: "authorized" }, isStale: true }]);
  const listed = entries[0]?.provider_txn_id ?? "";
  expect(listed).toStartWith("authorization:");
  const now = async () => ledger.charge(listed);
  expect(await now()).toMatchObject({ ...ours, provider_txn_id: charge, answer: { kind: "authorized" } });
  await provider.cancelCharge(charge);
  expect(await now()).toMatchObject({ ...ours, provider_txn_id: charge, answer: { kind: "declined" } });
  expect(await ledger.charge("authorization:NONE")).toBeNull();
});

test("a span with more than PayPal lists at once must be read in parts", async () => {
  await using stub = new ProviderStub();
  const reading = new PayPalLedger({ clientId: "c", clientSecret: "s", mark: "checkout", baseUrl: stub.url });
  const details = [{ issue: "RESULTSET_TOO_LARGE" }];
  stub.otherwise = { status: 400, body: { name: "INVALID_REQUEST", details } };
  const tooLong = { entries: [], next: null, isTooLong: true } as const;
  expect(await reading.charges({ fromMs: 0, untilMs: 1_000 }, null)).toEqual(tooLong);
});

test("what PayPal lists twice, as a change of the balance and as none, is one charge", async () => {
  await using stub = new ProviderStub();
  const reading = new PayPalLedger({ clientId: "c", clientSecret: "s", mark: "checkout", baseUrl: stub.url });
  const listed = (transaction_status: string) => ({
    transaction_info: {
      transaction_id: "C1",
      transaction_event_code: "T0006",
      transaction_status,
      transaction_amount: { currency_code: "EUR", value: "42.00" },
      custom_field: sagaOf(1),
      invoice_id: `checkout:${sagaOf(1)}`,
    },
  });
  stub.otherwise = { status: 200, body: { transaction_details: [listed("P"), listed("S")], total_pages: 1 } };
  const { entries } = await reading.charges({ fromMs: 0, untilMs: 1_000 }, null);
  expect(entries).toMatchObject([{ provider_txn_id: "C1", answer: { kind: "succeeded" } }]);
});

test("money that is held is there under the id of its order", async () => {
  const saga_id = sagaOf(1);
  const charge = await asked(1);
  const ours = { provider_txn_id: charge, saga_id, isMarked: true, amount_cents: 4_200, currency: "EUR" };
  expect(await ledger.charge(charge)).toMatchObject({ ...ours, answer: { kind: "action_required" } });
  await paypal.press(charge.replace("order:", ""), "approve");
  expect(await ledger.charge(charge)).toMatchObject({ ...ours, answer: { kind: "action_required" } });
  await provider.lookUpCharge(charge);
  expect(await ledger.charge(charge)).toMatchObject({ ...ours, answer: { kind: "authorized" } });
  await provider.cancelCharge(charge);
  expect(await ledger.charge(charge)).toMatchObject({ ...ours, answer: { kind: "declined", closed: true } });
});

test("ids that PayPal does not know", async () => {
  expect([await ledger.charge("NONE"), await ledger.refund("NONE"), await ledger.charge("order:O1")]).toEqual(
    [null, null, null],
  );
});

test("what another shop on the account did has no mark of ours", async () => {
  const other = new PayPalLedger({
    clientId: "c",
    clientSecret: "s",
    mark: "other",
    baseUrl: new URL(paypal.url),
  });
  const capture = await paid(1);
  expect(await other.charge(capture)).toMatchObject({ isMarked: false });
});

test("a list that we may not read is our fault, and one that does not answer is not", async () => {
  paypal.setFaults({ search_disabled: true });
  const span = { fromMs: paypal.nowMs, untilMs: paypal.nowMs + 1_000 };
  await expect(ledger.charges(span, null)).rejects.toMatchObject({ code: "PROVIDER_REJECTED" });
  paypal.setFaults({ unavailable_rate: 1 });
  await expect(ledger.charges(span, null)).rejects.toMatchObject({ code: "PROVIDER_UNAVAILABLE" });
});
