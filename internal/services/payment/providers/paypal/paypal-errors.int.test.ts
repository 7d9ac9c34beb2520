// How each refusal and each answer of PayPal is read. Replies that the simulator does not make come from a few lines of HTTP in PayPal's
// formats (the schemas `error` and `order` of its OpenAPI documents).
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { ProviderStub, type StubReply } from "../../../../testkit/provider-stub.ts";
import { PayPalProvider } from "./paypal.ts";

const stub = new ProviderStub();
afterAll(() => stub[Symbol.asyncDispose]());
beforeEach(() => stub.reset());

const provider = new PayPalProvider({
  clientId: "client",
  clientSecret: "secret",
  mark: "checkout",
  baseUrl: stub.url,
  shopUrl: new URL("http://shop.test"),
  timeoutMs: 2_000,
  clock: { now: () => 0 },
});
const request = {
  idempotency_key: "k",
  saga_id: "0198c0de-0000-7000-8000-000000000001",
  amount_cents: 600,
  currency: "EUR",
  payment_method: "paypal",
  shopper_present: true,
  capture: "automatic",
} as const;

const issue = (name: string, field?: string) => ({
  name: "UNPROCESSABLE_ENTITY",
  message: "A text that may quote what a shopper typed: 4242424242424242",
  debug_id: "d1",
  details: [{ issue: name, ...(field === undefined ? {} : { field }) }],
});
const unknown = (reason: string): object => ({ kind: "unknown", reason, replayed: false });
const deferred = (reason: string, retry_after_ms: number | null): object => ({
  kind: "deferred",
  reason,
  retry_after_ms,
});
const refused = (code: string, param: string | null) => ({ kind: "request_refused", code, param });

test.each<[string, StubReply, object]>([
  [
    "a currency that the payer's country does not have",
    { status: 422, body: issue("CURRENCY_NOT_SUPPORTED") },
    { kind: "declined", closed: true, error_code: "PAYMENT_METHOD_CURRENCY_MISMATCH" },
  ],
  [
    "an amount that is too large",
    { status: 422, body: issue("MAX_VALUE_EXCEEDED") },
    { kind: "declined", closed: true, error_code: "AMOUNT_TOO_LARGE" },
  ],
  [
    "our mistake, with its place",
    { status: 400, body: issue("INVALID_PARAMETER_SYNTAX", "/purchase_units/0/amount/value") },
    refused("INVALID_PARAMETER_SYNTAX", "/purchase_units/0/amount/value"),
  ],
  [
    "a payee that cannot be paid is our fault, not the shopper's",
    { status: 422, body: issue("PAYEE_ACCOUNT_RESTRICTED") },
    refused("PAYEE_ACCOUNT_RESTRICTED", null),
  ],
  [
    "names that are no names of an API",
    { status: 400, body: issue("4242 4242 4242 4242", "What A Shopper Typed!") },
    refused("UNPROCESSABLE_ENTITY", null),
  ],
  ["no permission", { status: 403, body: { name: "NOT_AUTHORIZED" } }, refused("NOT_AUTHORIZED", null)],
  [
    "a token that is refused twice",
    { status: 401, body: { name: "AUTHENTICATION_FAILURE" } },
    refused("AUTHENTICATION_FAILURE", null),
  ],
  ["no such address", { status: 404 }, refused("http_404", null)],
  ["a key in use", { status: 409, body: { name: "RESOURCE_CONFLICT" } }, unknown("key_in_use")],
  [
    "a key in use, as Payments v2 says it",
    { status: 422, body: issue("PREVIOUS_REQUEST_IN_PROGRESS") },
    unknown("key_in_use"),
  ],
  [
    "a key used for something else",
    { status: 422, body: issue("DUPLICATE_REQUEST_ID") },
    unknown("key_reused"),
  ],
  ["too many requests", { status: 429 }, deferred("rate_limited", null)],
  [
    "too many requests, with a time",
    { status: 429, headers: { "retry-after": "7" } },
    deferred("rate_limited", 7_000),
  ],
  [
    "too many requests, with a very long time",
    { status: 429, headers: { "retry-after": "86400" } },
    deferred("rate_limited", 60_000),
  ],
  [
    "unavailable, with a time",
    { status: 503, headers: { "retry-after": "2" } },
    deferred("unavailable", 2_000),
  ],
  ["unavailable", { status: 503 }, unknown("server_error")],
  ["a server error", { status: 500, body: issue("INTERNAL_SERVER_ERROR") }, unknown("server_error")],
  ["an answer that is no order", { status: 201, body: { id: "O1" } }, unknown("unexpected")],
])("%s", async (_, reply, expected) => {
  stub.otherwise = reply;
  expect(await provider.charge(request)).toMatchObject(expected);
  // None of them says anything about an order that exists, or that money was refunded.
  const found = await provider.lookUpCharge("order:O1");
  const isDefinite = "closed" in expected;
  const lost = reply.status === 404 ? "not_found" : isDefinite ? "request_refused" : undefined;
  expect(found).toMatchObject({ kind: lost ?? ("kind" in expected ? expected.kind : null) });
  const refund = await provider.refund({ ...request, provider_txn_id: "C1" });
  expect(refund.kind).not.toBe("succeeded");
  expect(JSON.stringify([found, refund])).not.toContain("4242");
});

const AMOUNT = { currency_code: "EUR", value: "6.00" };
const orderWith = (more: object, payments?: object) => ({
  id: "O1",
  status: "COMPLETED",
  intent: "CAPTURE",
  purchase_units: [{ reference_id: "automatic", ...(payments === undefined ? {} : { payments }) }],
  ...more,
});
const capture = (status: string) => orderWith({}, { captures: [{ id: "C1", status, amount: AMOUNT }] });
const hold = (status: string) =>
  orderWith({
    intent: "AUTHORIZE",
    purchase_units: [{ reference_id: "manual", payments: { authorizations: [{ id: "A1", status }] } }],
  });
const taken = { kind: "succeeded", provider_txn_id: "C1" };
const closed = { kind: "declined", closed: true };

test.each<[string, object, object]>([
  [
    "not approved",
    orderWith({ status: "CREATED" }),
    { kind: "action_required", redirects: true, provider_txn_id: "order:O1" },
  ],
  ["the payer is needed again", orderWith({ status: "PAYER_ACTION_REQUIRED" }), { kind: "action_required" }],
  ["closed by us", orderWith({ status: "APPROVED", intent: "AUTHORIZE" }), closed],
  ["voided", orderWith({ status: "VOIDED" }), closed],
  ["captured", capture("COMPLETED"), taken],
  ["captured and refunded", capture("REFUNDED"), taken],
  ["captured and partly refunded", capture("PARTIALLY_REFUNDED"), taken],
  ["a capture under review", capture("PENDING"), unknown("processing")],
  ["a capture of a state that we do not know", capture("NEW"), unknown("processing")],
  ["a capture that failed", capture("DECLINED"), closed],
  ["a capture that was denied", capture("DENIED"), closed],
  ["completed without anything", orderWith({}), unknown("unexpected")],
  ["a state that we do not know", orderWith({ status: "NEW" }), unknown("unexpected")],
  ["held", hold("CREATED"), { kind: "authorized", provider_txn_id: "order:O1" }],
  ["a hold under review", hold("PENDING"), unknown("processing")],
  ["a hold that was released", hold("VOIDED"), closed],
  ["a hold that was denied", hold("DENIED"), closed],
  ["a hold that has expired", hold("EXPIRED"), { ...closed, error_code: "AUTHORIZATION_ENDED" }],
])("an order: %s", async (_, body, expected) => {
  stub.otherwise = { status: 200, body };
  expect(await provider.lookUpCharge("order:O1")).toMatchObject(expected);
});

describe("an approved order", () => {
  const approved = orderWith({ status: "APPROVED" });

  test.each([
    ["PAYER_ACTION_REQUIRED", "AUTHENTICATION_REQUIRED"],
    ["INSTRUMENT_DECLINED", "PAYMENT_METHOD_PROVIDER_DECLINE"],
    ["MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "CARD_DECLINE_RATE_LIMIT_EXCEEDED"],
  ])("whose capture is refused with %s is closed first", async (name, error_code) => {
    stub.otherwise = { status: 204 };
    stub.replies = {
      "POST capture": { status: 422, body: issue(name) },
      get "GET O1"() {
        const body = stub.asked.includes("PATCH O1") ? { ...approved, intent: "AUTHORIZE" } : approved;
        return { status: 200, body };
      },
    };
    expect(await provider.lookUpCharge("order:O1")).toMatchObject({ ...closed, error_code });
    expect(stub.asked).toEqual(["GET O1", "POST capture", "PATCH O1", "GET O1"]);
  });

  test("that cannot be closed is not settled", async () => {
    stub.replies = {
      "POST capture": { status: 422, body: issue("INSTRUMENT_DECLINED") },
      "PATCH O1": { status: 500 },
    };
    stub.otherwise = { status: 200, body: approved };
    expect(await provider.lookUpCharge("order:O1")).toMatchObject(unknown("server_error"));
    stub.replies = { ...stub.replies, "PATCH O1": { status: 422, body: issue("ORDER_NOT_PATCHABLE") } };
    expect(await provider.lookUpCharge("order:O1")).toMatchObject(unknown("processing"));
  });

  test("whose capture says nothing that we know is looked at again", async () => {
    stub.replies = { "POST capture": { status: 422, body: issue("SOMETHING_NEW") } };
    stub.otherwise = { status: 200, body: approved };
    expect(await provider.lookUpCharge("order:O1")).toMatchObject(unknown("processing"));
  });
});

describe("a hold whose capture failed", () => {
  const payments = (status: string) => ({
    authorizations: [{ id: "A1", status }],
    captures: [{ id: "C1", status: "DECLINED", amount: AMOUNT }],
  });
  const failed = (status: string) => ({
    status: 200,
    body: orderWith({
      intent: "AUTHORIZE",
      purchase_units: [{ reference_id: "manual", payments: payments(status) }],
    }),
  });
  const refusedByPayPal = {
    kind: "declined",
    error_code: "PAYMENT_METHOD_PROVIDER_DECLINE",
    error_message: "PayPal declined the payment",
  } as const;

  test("at once, or after a review, may still hold the money", async () => {
    const take = () => provider.capture({ idempotency_key: "k", saga_id: "s", provider_txn_id: "order:O1" });
    stub.otherwise = { status: 200, body: hold("CREATED") };
    stub.replies = { "POST capture": { status: 201, body: payments("CREATED").captures[0] } };
    expect(await take()).toEqual(refusedByPayPal);
    stub.otherwise = failed("CREATED");
    expect(await take()).toEqual(refusedByPayPal);
    expect(stub.asked.filter((what) => what === "POST capture")).toHaveLength(1);
    expect(await provider.lookUpCharge("order:O1")).toEqual(refusedByPayPal);
    stub.otherwise = failed("VOIDED");
    expect(await take()).toEqual({ ...refusedByPayPal, closed: true });
  });

  test("is released by an undo, and is over only when PayPal says so", async () => {
    stub.replies = { "POST void": { status: 422, body: issue("SOMETHING_NEW") } };
    stub.otherwise = failed("CREATED");
    expect(await provider.cancelCharge("order:O1")).toMatchObject(unknown("processing"));
    stub.otherwise = { status: 204 };
    stub.asked = [];
    stub.replies = {
      get "GET O1"() {
        return failed(stub.asked.includes("POST void") ? "VOIDED" : "CREATED");
      },
    };
    expect(await provider.cancelCharge("order:O1")).toMatchObject(closed);
    expect(stub.asked).toEqual(["GET O1", "POST void", "GET O1"]);
  });
});

describe("a search in the transactions", () => {
  const HOUR_MS = 3_600_000;
  const transaction = (
    transaction_event_code: string,
    transaction_status: string,
    transaction_id = "T1",
  ) => ({
    transaction_info: {
      transaction_id,
      transaction_event_code,
      transaction_status,
      custom_field: request.saga_id,
    },
  });
  const found = (ageMs: number, ...transactions: readonly object[]) => {
    const late = new PayPalProvider({
      clientId: "client",
      clientSecret: "secret",
      mark: "checkout",
      baseUrl: stub.url,
      clock: { now: () => ageMs },
    });
    const body = { transaction_details: transactions, total_pages: 1 };
    stub.replies = { "GET transactions": { status: 200, body }, ...stub.replies };
    return late.findCharge({ ...request, asked: { firstMs: 0, lastMs: 0 } });
  };

  test("finds that PayPal denied the payment, once no other can appear", async () => {
    const denied = transaction("T0006", "D");
    expect(await found(HOUR_MS, denied)).toMatchObject(unknown("processing"));
    stub.replies = {};
    expect(await found(4 * HOUR_MS, denied)).toMatchObject({
      ...closed,
      error_code: "PAYMENT_METHOD_PROVIDER_DECLINE",
    });
  });

  test.each<[string, readonly object[], object]>([
    ["taken after it was denied", [transaction("T0006", "D"), transaction("T0006", "S", "C1")], taken],
    ["taken and given back since", [transaction("T0006", "V", "C1")], taken],
    ["taken and partly given back since", [transaction("T0006", "F", "C1")], taken],
    ["under review", [transaction("T0006", "P")], unknown("processing")],
    [
      "denied once and under review",
      [transaction("T0006", "D"), transaction("T0006", "P")],
      unknown("processing"),
    ],
    ["of a state that we do not know", [transaction("T0006", "X")], unknown("processing")],
    ["held by an authorization that is not there", [transaction("T1300", "S")], unknown("unexpected")],
    ["none", [], { kind: "not_found" }],
  ])("money: %s", async (_, transactions, expected) => {
    stub.otherwise = { status: 404 };
    expect(await found(4 * HOUR_MS, ...transactions)).toMatchObject(expected);
  });

  test("that PayPal refuses because there are too many says nothing", async () => {
    stub.replies = { "GET transactions": { status: 400, body: { name: "RESULTSET_TOO_LARGE" } } };
    expect(await found(4 * HOUR_MS)).toMatchObject(unknown("too_many_to_look_through"));
  });

  test("whose list cannot be read says nothing", async () => {
    stub.replies = { "GET transactions": { status: 200, body: { transaction_details: 1 } } };
    expect(await found(4 * HOUR_MS)).toMatchObject(unknown("unexpected"));
  });
});

test("a hold that is over is closed, and one that the bank does not honour may still hold the money", async () => {
  stub.otherwise = { status: 200, body: hold("CREATED") };
  const take = () => provider.capture({ idempotency_key: "k", saga_id: "s", provider_txn_id: "order:O1" });
  stub.replies = { "POST capture": { status: 422, body: issue("AUTHORIZATION_EXPIRED") } };
  expect(await take()).toMatchObject({ ...closed, error_code: "AUTHORIZATION_ENDED" });
  stub.replies = { "POST capture": { status: 422, body: issue("TRANSACTION_REFUSED") } };
  expect(await take()).toEqual({
    kind: "declined",
    error_code: "PAYMENT_METHOD_PROVIDER_DECLINE",
    error_message: "PayPal declined the payment",
  });
});

test.each([
  ["PENDING", "REFUND_PENDING"],
  ["FAILED", "REFUND_FAILED"],
  ["CANCELLED", "REFUND_CANCELED"],
  ["NEW", "REFUND_UNKNOWN"],
])("a refund that is %s is not there yet", async (status, error_code) => {
  stub.otherwise = { status: 201, body: { id: "R1", status, amount: AMOUNT } };
  const refund = { idempotency_key: "k", saga_id: "s", provider_txn_id: "C1" };
  expect(await provider.refund(refund)).toEqual({ kind: "not_yet", error_code });
});

/** The link of a refund to its capture. */
const OF_C1 = [{ rel: "up", href: "https://paypal.test/v2/payments/captures/C1" }];

/** What a search for the refund of capture C1 finds among these refunds of its order. */
async function foundAmong(...refunds: readonly object[]) {
  const captured = { id: "C1", status: "COMPLETED", amount: AMOUNT, custom_id: request.saga_id };
  const of = { ...captured, supplementary_data: { related_ids: { order_id: "O1" } } };
  stub.replies = {
    "GET C1": { status: 200, body: of },
    "GET O1": { status: 200, body: orderWith({}, { captures: [captured], refunds }) },
  };
  return provider.findRefund("C1");
}

test("a search finds our refund that failed, so that no other is requested, and not the failure of somebody else's", async () => {
  const refund = (id: string, status: string, custom_id?: string) => ({
    id,
    status,
    amount: AMOUNT,
    custom_id,
    links: OF_C1,
  });
  const ours = refund("R1", "FAILED", `${request.saga_id}:refund`);
  // PayPal may give one of its dashboard what the capture has.
  const theirs = refund("R2", "FAILED", request.saga_id);
  expect(await foundAmong(theirs, refund("R6", "FAILED"))).toEqual({ kind: "not_found" });
  const elsewhere = [{ rel: "up", href: "https://paypal.test/v2/payments/captures/C2" }];
  expect(await foundAmong({ ...refund("R5", "COMPLETED", request.saga_id), links: elsewhere })).toEqual({
    kind: "not_found",
  });
  expect(await foundAmong(theirs, ours)).toEqual({
    kind: "failed",
    provider_refund_id: "R1",
    error_code: "REFUND_FAILED",
  });
  expect(await foundAmong(ours, refund("R3", "PENDING"))).toMatchObject({ error_code: "REFUND_PENDING" });
  expect(await foundAmong(ours, refund("R3", "PENDING"), refund("R4", "COMPLETED"))).toEqual({
    kind: "succeeded",
    provider_refund_id: "R4",
  });
});

test("a part that somebody else gave back does not count as the whole, and parts that are the whole do", async () => {
  const part = (id: string, value: string, status = "COMPLETED") => ({
    id,
    status,
    amount: { ...AMOUNT, value },
    custom_id: `${request.saga_id}:refund`,
    links: OF_C1,
  });
  expect(await foundAmong(part("R1", "5.99"))).toEqual({ kind: "not_found" });
  expect(await foundAmong(part("R1", "5.99"), part("R2", "0.01", "PENDING"))).toMatchObject({
    error_code: "REFUND_PENDING",
  });
  expect(await foundAmong(part("R1", "5.99"), part("R2", "0.01", "FAILED"))).toMatchObject({
    kind: "failed",
    provider_refund_id: "R2",
  });
  expect(await foundAmong(part("R1", "2.00"), part("R2", "4.00"))).toEqual({
    kind: "succeeded",
    provider_refund_id: "R2",
  });
});

test("a capture whose order PayPal does not show any more is refunded all the same, if nothing of it went back", async () => {
  const found = async (status: string, order: StubReply, more: object = {}) => {
    const related = { supplementary_data: { related_ids: { order_id: "O1" } }, ...more };
    stub.replies = {
      "GET C1": { status: 200, body: { id: "C1", status, amount: AMOUNT, ...related } },
      "GET O1": order,
    };
    return provider.findRefund("C1");
  };
  const gone = { status: 404, body: { name: "RESOURCE_NOT_FOUND" } };
  expect(await found("COMPLETED", gone)).toEqual({ kind: "not_found" });
  expect(await found("COMPLETED", gone, { supplementary_data: {} })).toEqual({ kind: "not_found" });
  expect(await found("REFUNDED", gone)).toEqual({ kind: "not_yet", error_code: "RESOURCE_NOT_FOUND" });
  expect(await found("COMPLETED", { status: 500 })).toEqual({ kind: "not_yet", error_code: "HTTP_500" });
});

test("nothing listens at the address: no token, so nothing was sent", async () => {
  const closedServer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { url } = closedServer;
  await closedServer.stop(true);
  const lost = new PayPalProvider({
    clientId: "client",
    clientSecret: "secret",
    mark: "checkout",
    baseUrl: url,
    shopUrl: new URL("http://shop.test"),
    timeoutMs: 500,
    clock: { now: () => 0 },
  });
  expect(await lost.charge(request)).toMatchObject(deferred("unavailable", null));
  expect(await lost.refund({ ...request, provider_txn_id: "C1" })).toMatchObject(
    deferred("unavailable", null),
  );
});
