// The simulated PayPal's transactions as the ledger that reconciliation reads.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { TestPayPal } from "../../../../paysim/paypal/test-paypal.ts";
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
  const refund = { ...eur, provider_refund_id, provider_txn_id: first, status: "succeeded" };
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

test("money that is held is there under the id of its order", async () => {
  const saga_id = sagaOf(1);
  const waiting = await provider.charge({
    idempotency_key: `${saga_id}:charge`,
    saga_id,
    amount_cents: 4_200,
    currency: "EUR",
    payment_method: "paypal",
    shopper_present: true,
    capture: "manual",
  });
  const charge = "provider_txn_id" in waiting ? (waiting.provider_txn_id ?? "") : "";
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
