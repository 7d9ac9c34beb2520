// What each status of Stripe's refunds and disputes means here, as results, in the ledger and in events. The answers come from a few lines
// of HTTP; refunds that change over time are in money-later.int.test.ts.
import { afterAll, describe, expect, test } from "bun:test";
import { Stripe } from "stripe";
import { stripeWebhooks } from "./stripe-events.ts";
import { StripeLedger } from "./stripe-ledger.ts";
import { StripeProvider } from "./stripe.ts";

let answer: object = {};
const intent = {
  id: "pi_1",
  object: "payment_intent",
  amount: 600,
  amount_received: 600,
  status: "succeeded",
};
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  routes: { "/v1/payment_intents/pi_1": () => Response.json(intent) },
  fetch: () => Response.json(answer),
});
afterAll(() => server.stop(true));

const account = { apiKey: "sk_test_x", mark: "checkout", baseUrl: server.url };
const provider = new StripeProvider(account);
const ledger = new StripeLedger(account);

function refund(changes: object, id = "re_1") {
  const ours = { metadata: { shop: "checkout", saga_id: "s" } };
  return { id, object: "refund", amount: 600, currency: "eur", payment_intent: "pi_1", ...ours, ...changes };
}

const STATES: readonly (readonly [object, string, string | null])[] = [
  [{ status: "succeeded" }, "succeeded", null],
  [{ status: "pending" }, "pending", "REFUND_PENDING"],
  [{ status: "pending", pending_reason: "processing" }, "pending", "REFUND_PENDING"],
  [{ status: "pending", pending_reason: "insufficient_funds" }, "pending", "REFUND_WAITS_FOR_FUNDS"],
  [{ status: "requires_action" }, "pending", "REFUND_REQUIRES_ACTION"],
  // A status of a later version, and none.
  [{ status: "on_its_way" }, "pending", "REFUND_UNKNOWN"],
  [{ status: null }, "pending", "REFUND_UNKNOWN"],
  [{ status: "canceled" }, "failed", "REFUND_CANCELED"],
  [{ status: "failed", failure_reason: "expired_or_canceled_card" }, "failed", "REFUND_FAILED_CARD_CLOSED"],
  [{ status: "failed", failure_reason: "insufficient_funds" }, "failed", "REFUND_FAILED_NO_FUNDS"],
  [{ status: "failed", failure_reason: "unknown" }, "failed", "REFUND_FAILED"],
  [{ status: "failed", failure_reason: "4242424242424242" }, "failed", "REFUND_FAILED"],
];

test.each(STATES)("a refund %j is %s", async (state, kind, error_code) => {
  answer = refund(state);
  const request = { idempotency_key: "k", saga_id: "s", provider_txn_id: "pi_1" };
  const expected = { kind, provider_refund_id: "re_1", ...(error_code === null ? {} : { error_code }) };
  expect<object>(await provider.refund(request)).toEqual(expected);
  expect(await ledger.refund("re_1")).toMatchObject({ status: kind, error_code });
  answer = { object: "list", has_more: false, data: [answer] };
  expect<object>(await provider.findRefund("pi_1")).toEqual(expected);
});

describe("of several refunds of a charge", () => {
  const found = async (...data: readonly object[]) => {
    answer = { object: "list", has_more: false, data };
    return provider.findRefund("pi_1");
  };
  const [failed, pending, done] = [
    refund({ status: "failed" }, "re_failed"),
    refund({ status: "pending" }, "re_pending"),
    refund({ status: "succeeded" }, "re_done"),
  ];

  test("one that succeeded counts, else one that is pending, else the last that failed", async () => {
    expect(await found(failed, pending, done)).toMatchObject({ provider_refund_id: "re_done" });
    expect(await found(failed, pending)).toMatchObject({ provider_refund_id: "re_pending" });
    expect(await found(failed, { ...failed, id: "re_older" })).toMatchObject({
      provider_refund_id: "re_failed",
    });
    expect(await found()).toEqual({ kind: "not_found" });
  });

  test("one of somebody else counts if it succeeded, and not if it failed", async () => {
    expect(await found({ ...done, metadata: {} })).toMatchObject({ kind: "succeeded" });
    expect(await found({ ...failed, metadata: {} })).toEqual({ kind: "not_found" });
  });

  test("a part that somebody else gave back does not count as the whole, and parts that are the whole do", async () => {
    const part = (id: string, amount: number) => ({ ...done, id, amount, metadata: {} });
    expect(await found(part("re_part", 599))).toEqual({ kind: "not_found" });
    expect(await found(part("re_part", 599), pending)).toMatchObject({ provider_refund_id: "re_pending" });
    expect(await found(part("re_part", 599), failed)).toMatchObject({ kind: "failed" });
    expect(await found(part("re_less", 200), part("re_most", 400))).toEqual({
      kind: "succeeded",
      provider_refund_id: "re_most",
    });
    // Ours is always of all that is left.
    expect(await found(part("re_part", 599), { ...done, amount: 1 })).toMatchObject({
      provider_refund_id: "re_done",
    });
  });
});

const SECRET = "whsec_0123456789";
function opened(type: string, object: object) {
  const body = JSON.stringify({ id: "evt_1", object: "event", type, data: { object } });
  const now = Date.now();
  const header = Stripe.webhooks.generateTestHeaderString({
    payload: body,
    secret: SECRET,
    timestamp: Math.floor(now / 1_000),
    cryptoProvider: new (class extends Stripe.CryptoProvider {
      override computeHMACSignature(payload: string, secret: string): string {
        return new Bun.CryptoHasher("sha256", secret).update(payload).digest("hex");
      }
    })(),
  });
  const headers = new Headers({ "stripe-signature": header });
  return stripeWebhooks({ secrets: [SECRET], mark: "checkout" }).open(Buffer.from(body), headers, now);
}

test("each event of a refund is read", () => {
  for (const type of ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
    expect(opened(type, refund({ status: "failed", failure_reason: "declined" }))).toMatchObject({
      kind: "event",
      event: { kind: "refund", refund: { status: "failed", error_code: "REFUND_FAILED_DECLINED" } },
    });
});

const dispute = {
  id: "du_1",
  object: "dispute",
  amount: 600,
  currency: "eur",
  payment_intent: "pi_1",
  reason: "fraudulent",
  status: "needs_response",
  evidence_details: { due_by: 1_800_000_000 },
};

test.each([
  ["needs_response", "open"],
  ["warning_needs_response", "open"],
  ["under_review", "open"],
  ["a_later_status", "open"],
  ["won", "won"],
  ["warning_closed", "won"],
  ["prevented", "won"],
  ["lost", "lost"],
])("a dispute that is %s is %s", (status, expected) => {
  for (const type of ["charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"])
    expect(opened(type, { ...dispute, status })).toMatchObject({
      kind: "event",
      event: {
        kind: "dispute",
        dispute: {
          provider_dispute_id: "du_1",
          provider_txn_id: "pi_1",
          amount_cents: 600,
          currency: "EUR",
          status: expected,
          reason: "fraudulent",
          respond_by: 1_800_000_000_000,
        },
      },
    });
});

test("a dispute keeps no text that a shopper or a bank may have typed, and may have no date", () => {
  const odd = { ...dispute, reason: "Card 4242 was stolen", evidence_details: { due_by: null } };
  expect(opened("charge.dispute.created", odd)).toMatchObject({
    event: { dispute: { reason: null, respond_by: null } },
  });
  expect(opened("charge.dispute.created", { ...dispute, amount: "much" })).toMatchObject({
    kind: "unreadable",
  });
});
