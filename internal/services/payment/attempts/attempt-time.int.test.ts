// An attempt may ask its provider several times, and is over before its lease is, with every provider: otherwise another process would ask
// at the same time. The answers come from a few lines of HTTP, each of them late.
import { expect, test } from "bun:test";
import { FACTS, SAGA } from "../../../testkit/payment-facts.ts";
import { ProviderStub, type StubReply } from "../../../testkit/provider-stub.ts";
import { ChargeHold } from "../providers/charge-hold.ts";
import { CircuitBreaker } from "../providers/circuit-breaker.ts";
import { Pace } from "../providers/pace.ts";
import { PayPalProvider } from "../providers/paypal/paypal.ts";
import { StripeProvider } from "../providers/stripe/stripe.ts";
import { WatchedProvider } from "../providers/watched-provider.ts";
import type { Attempt } from "./attempt.ts";
import { requestOf } from "./provider-call.ts";

/** That of an attempt. */
const TIME_MS = 3_000;
/** When a reply comes that nobody waits for any more, and the adapters' own timeout: only the end of the attempt ends it in time. */
const TOO_LATE_MS = 4 * TIME_MS;
const SOON_MS = 100;

const ADAPTERS = {
  stripe: (baseUrl: URL) =>
    new StripeProvider({ apiKey: "sk_test_x", mark: "checkout", baseUrl, timeoutMs: TOO_LATE_MS }),
  paypal: (baseUrl: URL) =>
    new PayPalProvider({
      clientId: "client",
      clientSecret: "secret",
      mark: "checkout",
      baseUrl,
      shopUrl: new URL("http://shop.test"),
      timeoutMs: TOO_LATE_MS,
      clock: { now: () => 0 },
    }),
};
type Name = keyof typeof ADAPTERS;

/** As cmd/payment puts it together. */
function providerAt(name: Name, baseUrl: URL) {
  const watchers = { pace: new Pace(), hold: new ChargeHold(() => undefined), onRefused: () => undefined };
  return new CircuitBreaker(new WatchedProvider(ADAPTERS[name](baseUrl), watchers), {
    consecutiveTimeouts: 5,
    probeAfterMs: 10_000,
    onChange: () => undefined,
    resumedAt: () => 0,
  });
}

const open = {
  ...FACTS,
  shopper_present: true,
  status: "UNKNOWN",
  payment_method: "sealed",
  next_attempt_at: 0,
  action: null,
} as const;
const held = { ...FACTS, capture_before: null, hold_attempts: 4, next_attempt_at: 0 } as const;
const chargeThenSearch: Attempt = {
  kind: "charge",
  payment: open,
  request: { ask: "charge_then_search", attempt: 4 },
};
const search: Attempt = { kind: "charge", payment: open, request: { ask: "search", attempt: 4 } };
const capture = (provider_txn_id: string): Attempt => ({
  kind: "capture",
  payment: { ...held, status: "CAPTURE_PENDING", provider_txn_id },
  request: { idempotency_key: "k", look_up_first: true, attempt: 4 },
});
const release: Attempt = {
  kind: "void",
  payment: { ...held, status: "VOID_PENDING", provider_txn_id: "pi_1", failure: null },
  request: { attempt: 4 },
};
const refund = (search_first: boolean): Attempt => ({
  kind: "refund",
  payment: {
    ...FACTS,
    status: "REFUND_PENDING",
    provider_txn_id: "pi_1",
    refund: {
      refund_id: SAGA,
      attempts: 4,
      created_at: 0,
      next_attempt_at: 0,
      error_code: null,
      provider_refund_id: null,
      failed: [],
      reported: false,
    },
  },
  request: { idempotency_key: "k", search_first, search_only: false, attempt: 4 },
});

const ok = (body: object): StubReply => ({ status: 200, body });
const stripeError = (code: string) => ({
  status: 400,
  body: { error: { type: "invalid_request_error", code } },
});
const paypalIssue = (issue: string) => ({ status: 422, body: { details: [{ issue }] } });
const intent = (status: string) => ok({ id: "pi_1", object: "payment_intent", status, amount_received: 600 });
const AMOUNT = { currency_code: "EUR", value: "6.00" };
const order = ok({
  id: "O1",
  status: "COMPLETED",
  intent: "AUTHORIZE",
  purchase_units: [
    { reference_id: "manual", payments: { authorizations: [{ id: "A1", status: "CREATED" }] } },
  ],
});
const takenAway = { supplementary_data: { related_ids: { order_id: "O1" } } };

/** `soon`: how many of the replies come soon. The next one comes too late. */
test.concurrent.each<[string, Name, Attempt, number, Readonly<Record<string, StubReply>>]>([
  ["a charge, then a search", "stripe", chargeThenSearch, 0, {}],
  ["a search, then a list", "stripe", search, 1, { "GET search": stripeError("search_not_available") }],
  [
    "a look-up, then a capture of what is over",
    "stripe",
    capture("pi_1"),
    2,
    {
      "GET pi_1": intent("requires_capture"),
      "POST capture": stripeError("payment_intent_unexpected_state"),
    },
  ],
  [
    "a release of what is over",
    "stripe",
    release,
    1,
    { "GET pi_1": intent("succeeded"), "POST cancel": stripeError("payment_intent_unexpected_state") },
  ],
  [
    "a refund that is there",
    "stripe",
    refund(false),
    1,
    { "POST refunds": stripeError("charge_already_refunded") },
  ],
  [
    "a search for a refund, of which a part was given back",
    "stripe",
    refund(true),
    2,
    {
      "GET refunds": ok({ has_more: false, data: [{ id: "re_1", status: "succeeded", amount: 1 }] }),
      "GET pi_1": intent("succeeded"),
    },
  ],
  ["a charge, then a search", "paypal", chargeThenSearch, 0, {}],
  ["a look-up, then a capture", "paypal", capture("order:O1"), 1, { "GET O1": order }],
  [
    "a refund that is there",
    "paypal",
    refund(false),
    2,
    {
      "POST refund": paypalIssue("CAPTURE_FULLY_REFUNDED"),
      "GET pi_1": ok({ id: "C1", status: "REFUNDED", amount: AMOUNT, ...takenAway }),
    },
  ],
])("%s, at %s", async (_, name, attempt, soon, replies) => {
  const asked = await requested(name, attempt, soon, replies);
  // It was worth asking more than once.
  expect(asked.length).toBeGreaterThan(1);
});

test.concurrent.each<[string, Name, Attempt]>([
  ["a look-up before a capture", "stripe", capture("pi_1")],
  ["a look-up before a capture", "paypal", capture("order:O1")],
  ["a search before a refund", "stripe", refund(true)],
  ["a search before a refund", "paypal", refund(true)],
])("%s that is never answered, at %s", async (_, name, attempt) => {
  expect((await requested(name, attempt, 0, {})).length).toBe(1);
});

/** What was asked until the attempt was over, which it has to be in time. */
async function requested(
  name: Name,
  attempt: Attempt,
  soon: number,
  replies: Readonly<Record<string, StubReply>>,
): Promise<readonly string[]> {
  await using stub = new ProviderStub();
  stub.replies = replies;
  stub.otherwise = { status: 500 };
  stub.delaysMs = [...Array.from({ length: soon }, () => SOON_MS), TOO_LATE_MS];
  const begunAt = performance.now();
  await requestOf(
    providerAt(name, stub.url),
    () => Promise.resolve("pm_card_visa"),
    attempt,
    begunAt + TIME_MS,
  );
  expect(performance.now() - begunAt).toBeLessThan(TOO_LATE_MS / 2);
  return [...stub.asked];
}
