// The PayPal adapter against the simulator's PayPal face: an order from its creation to its refund, and each way in which a call of it
// gets lost, is refused or comes twice.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { TestPayPal } from "../../../../paysim/paypal/test-paypal.ts";
import { CREATE_TRUSTED_MS, PayPalProvider } from "./paypal.ts";

const SAGA = "0198c0de-0000-7000-8000-000000000001";
const HOUR_MS = 3_600_000;

let paypal: TestPayPal;
let provider: PayPalProvider;
beforeEach(() => {
  paypal = new TestPayPal();
  provider = opened();
});
afterEach(() => paypal[Symbol.asyncDispose]());

function opened(
  changes: { readonly timeoutMs?: number; readonly clientSecret?: string } = {},
): PayPalProvider {
  return new PayPalProvider({
    clientId: "client",
    clientSecret: "secret",
    mark: "checkout",
    baseUrl: new URL(paypal.url),
    shopUrl: new URL("http://shop.test/de"),
    clock: { now: () => paypal.nowMs },
    ...changes,
  });
}

const request = {
  idempotency_key: `${SAGA}:charge`,
  saga_id: SAGA,
  amount_cents: 4_200,
  currency: "EUR",
  payment_method: "paypal",
  shopper_present: true,
  capture: "automatic" as "automatic" | "manual",
};

/** An order that waits for its payer; returns the charge's id. */
async function waiting(changes: Partial<typeof request> = {}): Promise<string> {
  const result = await provider.charge({ ...request, ...changes });
  if (result.kind !== "action_required")
    throw new Error(`the charge does not wait: ${JSON.stringify(result)}`);
  expect(result.redirects).toBe(true);
  return result.provider_txn_id;
}

const orderOf = (charge: string) => charge.replace(/^order:/, "");

async function approved(changes: Partial<typeof request> = {}): Promise<string> {
  const charge = await waiting(changes);
  await paypal.press(orderOf(charge), "approve");
  return charge;
}

async function captured(): Promise<string> {
  const result = await provider.lookUpCharge(await approved());
  if (result.kind !== "succeeded") throw new Error(`not captured: ${JSON.stringify(result)}`);
  return result.provider_txn_id;
}

const MANUAL = { capture: "manual" } as const;

/** Money of an approved order is held. */
async function held(): Promise<string> {
  const charge = await approved(MANUAL);
  expect(await provider.lookUpCharge(charge)).toEqual({ kind: "authorized", provider_txn_id: charge });
  return charge;
}

const take = (charge: string) =>
  provider.capture({ idempotency_key: `${SAGA}:capture`, saga_id: SAGA, provider_txn_id: charge });

const find = () =>
  provider.findCharge({ ...request, asked: { firstMs: paypal.nowMs, lastMs: paypal.nowMs } });

test("an order waits for the payer, and is captured when it is looked up after the approval", async () => {
  const charge = await waiting();
  expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "action_required" });
  const action = await provider.actionOf(charge);
  expect(action).toEqual({ kind: "redirect", url: `${paypal.url}/checkoutnow?token=${orderOf(charge)}` });
  const back = await paypal.press(orderOf(charge), "approve");
  expect(back.href).toStartWith(`http://shop.test/de/checkout/${SAGA}?redirect_status=approved`);
  expect(paypal.kinds()).toEqual(["order", "approval"]);
  expect(await provider.actionOf(charge)).toEqual({ kind: "none" });
  const result = await provider.lookUpCharge(charge);
  const entries = paypal.entries();
  const capture = entries.find(({ kind }) => kind === "capture");
  expect(capture).toMatchObject({ value: "42.00", currency: "EUR", saga_id: SAGA });
  expect(result).toEqual({
    kind: "succeeded",
    provider_txn_id: capture !== undefined && "capture" in capture ? capture.capture : "",
  });
  expect(entries[0]).toMatchObject({ kind: "order", saga_id: SAGA, invoice_id: `checkout:${SAGA}` });
});

test("looked up again, by two processes or after the answer was lost, it is captured once", async () => {
  const charge = await approved();
  paypal.setFaults({ reply_lost_rate: 1 });
  expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "unknown", reason: "connection_lost" });
  paypal.setFaults({});
  const [first, second] = await Promise.all([provider.lookUpCharge(charge), opened().lookUpCharge(charge)]);
  expect(first).toMatchObject({ kind: "succeeded" });
  expect(second).toEqual(first);
  expect(await provider.charge(request)).toMatchObject(first);
  expect(paypal.kinds().filter((kind) => kind === "capture")).toHaveLength(1);
});

test("two captures at once: the second hears that its key is in use, and both find one capture", async () => {
  const charge = await approved();
  paypal.setFaults({ latency: "fixed:100" });
  const results = await Promise.all([provider.lookUpCharge(charge), provider.lookUpCharge(charge)]);
  const reasons = results.map((result) => (result.kind === "unknown" ? result.reason : result.kind));
  expect(reasons.toSorted().join()).toBe("key_in_use,succeeded");
  expect(paypal.kinds().filter((kind) => kind === "capture")).toHaveLength(1);
});

test("a repeated order is the same order, also after a lost answer", async () => {
  paypal.setFaults({ reply_lost_rate: 1 });
  expect(await provider.charge(request)).toMatchObject({ kind: "unknown", reason: "connection_lost" });
  paypal.setFaults({});
  const charge = await waiting();
  expect(await waiting()).toBe(charge);
  expect(paypal.kinds()).toEqual(["order"]);
});

test("without a shopper there is no order", async () => {
  expect(await provider.charge({ ...request, shopper_present: false })).toEqual({
    kind: "declined",
    closed: true,
    error_code: "AUTHENTICATION_REQUIRED",
    error_message: expect.stringContaining("the shopper is not there"),
  });
  expect(paypal.kinds()).toEqual([]);
});

test("an amount that PayPal does not take is not sent", async () => {
  expect(await provider.charge({ ...request, currency: "KWD", amount_cents: 1_000 })).toMatchObject({
    kind: "no_effect",
    error_code: "AMOUNT_NOT_CHARGEABLE",
  });
  await waiting({ currency: "HUF", amount_cents: 104_500 });
  expect(paypal.entries()).toMatchObject([{ value: "1045", currency: "HUF" }]);
});

describe("an undo", () => {
  test("closes an order, and a late capture is refused", async () => {
    const charge = await waiting();
    const closed = { kind: "declined", closed: true, error_code: "PAYMENT_METHOD_CUSTOMER_DECLINE" };
    expect(await provider.cancelCharge(charge)).toMatchObject(closed);
    // The payer, who still has the page, approves; a process that read the order before the undo captures.
    await paypal.press(orderOf(charge), "approve");
    expect(await provider.lookUpCharge(charge)).toMatchObject(closed);
    expect(await provider.cancelCharge(charge)).toMatchObject(closed);
    expect(await provider.charge(request)).toMatchObject(closed);
    expect(await provider.actionOf(charge)).toEqual({ kind: "none" });
    const token = await fetch(`${paypal.url}/v1/oauth2/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("client:secret")}` },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    const { access_token } = Value.Parse(Type.Object({ access_token: Type.String() }), await token.json());
    const late = await fetch(`${paypal.url}/v2/checkout/orders/${orderOf(charge)}/capture`, {
      method: "POST",
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
    });
    expect([late.status, await late.json()]).toMatchObject([
      422,
      { details: [{ issue: "ACTION_DOES_NOT_MATCH_INTENT" }] },
    ]);
    expect(paypal.kinds()).not.toContain("capture");
  });

  test("of an order that was captured meanwhile finds the money", async () => {
    const charge = await approved();
    const taken = await provider.lookUpCharge(charge);
    expect(await provider.cancelCharge(charge)).toEqual(taken);
  });

  test("whose answer was lost is repeated until the order says that it is closed", async () => {
    const charge = await waiting();
    paypal.setFaults({ reply_lost_rate: 1 });
    expect(await provider.cancelCharge(charge)).toMatchObject({ kind: "unknown" });
    paypal.setFaults({});
    expect(await provider.cancelCharge(charge)).toMatchObject({ kind: "declined", closed: true });
  });
});

test("a way to pay that is declined closes the order, with PayPal's reason", async () => {
  const charge = await waiting();
  await paypal.press(orderOf(charge), "declined");
  const declined = { kind: "declined", closed: true, error_code: "PAYMENT_METHOD_PROVIDER_DECLINE" };
  expect(await provider.lookUpCharge(charge)).toMatchObject(declined);
  expect(paypal.kinds()).toEqual(["order", "approval", "intent"]);
});

test("a payer who refuses may still come back, until the undo", async () => {
  const charge = await waiting();
  const back = await paypal.press(orderOf(charge), "refuse");
  expect(back.searchParams.get("redirect_status")).toBe("failed");
  expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "action_required" });
});

test("a second order of a saga cannot be captured: its invoice is paid", async () => {
  await captured();
  paypal.simulator.expireKeys(null);
  const second = await waiting();
  await paypal.press(orderOf(second), "approve");
  expect(await provider.lookUpCharge(second)).toMatchObject({ kind: "unknown" });
  expect(paypal.kinds().filter((kind) => kind === "capture")).toHaveLength(1);
});

test("an order that PayPal has forgotten is not found", async () => {
  const charge = await waiting();
  paypal.nowMs += 3 * HOUR_MS;
  expect(await provider.lookUpCharge(charge)).toEqual({ kind: "not_found" });
  expect(await provider.cancelCharge(charge)).toEqual({ kind: "not_found" });
});

describe("money that is only held", () => {
  test("is taken once, under any key", async () => {
    const charge = await held();
    expect(paypal.kinds()).toEqual(["order", "approval", "authorization"]);
    const taken = await take(charge);
    expect(taken).toMatchObject({ kind: "succeeded" });
    expect(await take(charge)).toEqual(taken);
    const other = { idempotency_key: "other", saga_id: SAGA, provider_txn_id: charge };
    expect(await provider.capture(other)).toEqual(taken);
    // An undo that comes too late finds the money.
    expect(await provider.cancelCharge(charge)).toEqual(taken);
    expect(await provider.lookUpCharge(charge)).toEqual(taken);
    expect(paypal.kinds().filter((kind) => kind === "capture")).toHaveLength(1);
  });

  test("whose taking had no answer is found under the same key", async () => {
    const charge = await held();
    paypal.setFaults({ reply_lost_rate: 1 });
    expect(await take(charge)).toMatchObject({ kind: "unknown", reason: "connection_lost" });
    paypal.setFaults({});
    expect(await take(charge)).toMatchObject({ kind: "succeeded" });
    expect(paypal.stats()["captures"]).toBe(1);
  });

  test("is released by an undo, once, and cannot be taken afterwards", async () => {
    const charge = await held();
    paypal.setFaults({ error_after_rate: 1 });
    expect(await provider.cancelCharge(charge)).toMatchObject({ kind: "unknown" });
    paypal.setFaults({});
    const closed = { kind: "declined", closed: true };
    expect(await provider.cancelCharge(charge)).toMatchObject(closed);
    expect(await take(charge)).toMatchObject(closed);
    expect(await provider.lookUpCharge(charge)).toMatchObject(closed);
    expect(paypal.kinds()).toEqual(["order", "approval", "authorization", "void"]);
  });

  test("is released after PayPal refused to take it", async () => {
    const charge = await waiting(MANUAL);
    await paypal.press(orderOf(charge), "capture_declined");
    expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "authorized" });
    const refused = await take(charge);
    expect(refused).toMatchObject({ kind: "declined", error_code: "PAYMENT_METHOD_PROVIDER_DECLINE" });
    // The money is still held.
    expect(refused).not.toHaveProperty("closed");
    expect(await provider.cancelCharge(charge)).toMatchObject({ kind: "declined", closed: true });
    expect(paypal.kinds()).toEqual(["order", "approval", "authorization", "void"]);
  });

  test("is not held once the order was closed", async () => {
    const charge = await waiting(MANUAL);
    expect(await provider.cancelCharge(charge)).toMatchObject({ kind: "declined", closed: true });
    await paypal.press(orderOf(charge), "approve");
    expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "declined", closed: true });
    expect(paypal.kinds()).not.toContain("authorization");
  });
});

describe("a search", () => {
  test("asks for the order again while PayPal knows the key", async () => {
    const charge = await waiting();
    expect(await find()).toMatchObject({ kind: "action_required", provider_txn_id: charge });
    expect(paypal.kinds()).toEqual(["order"]);
  });

  test("from where no orders are made says nothing until the transactions have had their time", async () => {
    const asked = { firstMs: paypal.nowMs, lastMs: paypal.nowMs };
    const clock = { now: () => paypal.nowMs };
    const account = {
      clientId: "client",
      clientSecret: "secret",
      mark: "",
      baseUrl: new URL(paypal.url),
      clock,
    };
    const looking = new PayPalProvider(account);
    const search = () => looking.findCharge({ ...request, asked });
    expect(await search()).toMatchObject({ kind: "unknown" });
    paypal.nowMs += 3 * HOUR_MS;
    expect(await search()).toEqual({ kind: "not_found" });
    expect(paypal.entries()).toEqual([]);
    paypal.nowMs = asked.firstMs;
    const capture = await captured();
    expect(await search()).toEqual({ kind: "succeeded", provider_txn_id: capture });
  });

  test("later looks for a capture in the transactions, which lag", async () => {
    const capture = await captured();
    const asked = { firstMs: paypal.nowMs, lastMs: paypal.nowMs };
    const later = () => provider.findCharge({ ...request, asked });
    paypal.nowMs += CREATE_TRUSTED_MS;
    expect(await later()).toEqual({ kind: "succeeded", provider_txn_id: capture });
    paypal.setFaults({ search_lag_ms: 6 * HOUR_MS - 1 });
    paypal.nowMs = asked.firstMs + CREATE_TRUSTED_MS;
    expect(await later()).toEqual({ kind: "not_found" });
    paypal.setFaults({ search_disabled: true });
    expect(await later()).toMatchObject({ kind: "request_refused", code: "PERMISSION_DENIED" });
  });
});

describe("a search for a hold whose order is not known any more", () => {
  test.each<[string, (charge: string) => Promise<unknown>, object]>([
    ["that is there", () => Promise.resolve(), { kind: "authorized" }],
    ["that was released", (charge) => provider.cancelCharge(charge), { kind: "declined", closed: true }],
    ["that was taken", (charge) => take(charge), { kind: "succeeded" }],
  ])("finds one %s, long after the key", async (_, then, expected) => {
    const asked = { firstMs: paypal.nowMs, lastMs: paypal.nowMs };
    const charge = await waiting(MANUAL);
    paypal.nowMs += 2 * HOUR_MS;
    await paypal.press(orderOf(charge), "approve");
    expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "authorized" });
    await then(charge);
    paypal.nowMs += 24 * HOUR_MS;
    const found = await provider.findCharge({ ...request, ...MANUAL, asked });
    expect(found).toMatchObject(expected);
    expect(found).toEqual(await provider.lookUpCharge(charge));
  });
});

describe("a refund", () => {
  const refundOf = (capture: string) =>
    provider.refund({ idempotency_key: `${SAGA}:refund`, saga_id: SAGA, provider_txn_id: capture });

  test("pays all back once, however often and under whatever key it is asked for", async () => {
    const capture = await captured();
    expect(await provider.findRefund(capture)).toEqual({ kind: "not_found" });
    const refunded = await refundOf(capture);
    expect(refunded).toMatchObject({ kind: "succeeded" });
    expect(await refundOf(capture)).toEqual(refunded);
    const other = { idempotency_key: "other", saga_id: SAGA, provider_txn_id: capture };
    expect(await provider.refund(other)).toEqual(refunded);
    expect(await provider.findRefund(capture)).toEqual(refunded);
    expect(await provider.lookUpCharge(capture)).toEqual({ kind: "succeeded", provider_txn_id: capture });
    expect(paypal.entries().filter(({ kind }) => kind === "refund")).toMatchObject([
      { value: "42.00", currency: "EUR", saga_id: SAGA },
    ]);
  });

  test("whose answer was lost is found", async () => {
    const capture = await captured();
    paypal.setFaults({ error_after_rate: 1 });
    expect(await refundOf(capture)).toEqual({ kind: "not_yet", error_code: "INTERNAL_SERVER_ERROR" });
    paypal.setFaults({});
    expect(await provider.findRefund(capture)).toMatchObject({ kind: "succeeded" });
    expect(await refundOf(capture)).toMatchObject({ kind: "succeeded" });
    expect(paypal.stats()["refunds"]).toBe(1);
  });
});

describe("access tokens", () => {
  test("are asked for once, however many calls wait for one", async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => waiting({ idempotency_key: `k${index}` })));
    expect(paypal.stats()["tokens"]).toBe(1);
  });

  test("are replaced when PayPal takes them no more", async () => {
    const charge = await waiting();
    await paypal.revokeTokens();
    expect(await provider.lookUpCharge(charge)).toMatchObject({ kind: "action_required" });
    expect(paypal.stats()["tokens"]).toBe(2);
  });

  test("that PayPal does not give because of our credentials are our fault", async () => {
    const refused = { kind: "request_refused", code: "invalid_client" };
    expect(await opened({ clientSecret: "" }).charge(request)).toMatchObject(refused);
  });

  test("that PayPal does not give now leave everything unsent", async () => {
    paypal.setFaults({ unavailable_rate: 1 });
    expect(await provider.charge(request)).toEqual({
      kind: "deferred",
      reason: "unavailable",
      retry_after_ms: null,
    });
    expect(await find()).toMatchObject({ kind: "deferred" });
  });
});

test("a call that gets no answer in time is unknown, and so is one whose connection is lost", async () => {
  const charge = await waiting();
  const slow = opened({ timeoutMs: 200 });
  expect(await slow.lookUpCharge(charge)).toMatchObject({ kind: "action_required" });
  paypal.setFaults({ timeout_after_rate: 1, hold_ms: 1_000 });
  await paypal.press(orderOf(charge), "approve");
  expect(await slow.lookUpCharge(charge)).toMatchObject({ kind: "unknown", reason: "timeout" });
});

test("after a restart of PayPal the same keys lead to the same order", async () => {
  const charge = await waiting();
  await paypal.restart();
  provider = opened();
  expect(await waiting()).toBe(charge);
});
