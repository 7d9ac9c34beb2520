// What PayPal's disputes and reversals mean: as events, and as reconciliation looks them up. The answers come from a few lines of HTTP.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { ProviderStub } from "../../../../testkit/provider-stub.ts";
import { paypalEventIn } from "./paypal-events.ts";
import { PayPalLedger } from "./paypal-ledger.ts";

const stub = new ProviderStub();
afterAll(() => stub[Symbol.asyncDispose]());
beforeEach(() => stub.reset());
const ledger = new PayPalLedger({
  clientId: "client",
  clientSecret: "secret",
  mark: "checkout",
  baseUrl: stub.url,
});

const dispute = (changes: object) => ({
  dispute_id: "PP-D-12345",
  reason: "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
  status: "WAITING_FOR_SELLER_RESPONSE",
  dispute_amount: { currency_code: "EUR", value: "6.00" },
  disputed_transactions: [{ seller_transaction_id: "3BC38643YC807283D", buyer: { name: "Lupe Justin" } }],
  seller_response_due_date: "2027-01-15T08:00:00.000Z",
  ...changes,
});
const OPEN = {
  provider_dispute_id: "PP-D-12345",
  provider_txn_id: "3BC38643YC807283D",
  amount_cents: 600,
  currency: "EUR",
  status: "open",
  reason: "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
  respond_by: Date.parse("2027-01-15T08:00:00.000Z"),
} as const;
const resolved = (outcome_code: string) => ({ status: "RESOLVED", dispute_outcome: { outcome_code } });

const event = (event_type: string, resource: unknown) =>
  paypalEventIn(new TextEncoder().encode(JSON.stringify({ id: "WH-1", event_type, resource })), "checkout");

describe("a dispute", () => {
  test.each<[object, "open" | "won" | "lost"]>([
    [{}, "open"],
    [{ status: "UNDER_REVIEW" }, "open"],
    [{ status: "A_LATER_STATUS" }, "open"],
    [resolved("RESOLVED_BUYER_FAVOUR"), "lost"],
    [resolved("ACCEPTED"), "lost"],
    [resolved("RESOLVED_SELLER_FAVOUR"), "won"],
    [resolved("CANCELED_BY_BUYER"), "won"],
    // PayPal pays the shopper, and the shop keeps the money.
    [resolved("RESOLVED_WITH_PAYOUT"), "won"],
    // Nobody can tell what these mean for the shop: a person looks.
    [resolved("DENIED"), "open"],
    [resolved("A_LATER_OUTCOME"), "open"],
  ])("%j is told by its event, and when it is looked up", async (changes, status) => {
    const expected = { ...OPEN, status };
    for (const type of ["CREATED", "UPDATED", "RESOLVED"])
      expect(event(`CUSTOMER.DISPUTE.${type}`, dispute(changes))).toEqual({
        kind: "event",
        event: { kind: "dispute", event_id: "paypal:WH-1", dispute: expected },
      });
    stub.otherwise = { status: 200, body: dispute(changes) };
    expect(await ledger.dispute("PP-D-12345")).toEqual(expected);
    expect(stub.asked).toEqual(["GET PP-D-12345"]);
  });

  test("keeps no text that a person may have typed, and may have no date", () => {
    const odd = { reason: "Lupe Justin was here", seller_response_due_date: undefined };
    expect(event("CUSTOMER.DISPUTE.CREATED", dispute(odd))).toMatchObject({
      event: { dispute: { reason: null, respond_by: null } },
    });
    expect(event("CUSTOMER.DISPUTE.CREATED", dispute({ dispute_amount: "much" }))).toMatchObject({
      kind: "unreadable",
    });
  });

  test("that PayPal does not know, or that our app may not see, is left to a person; one that it does not show now is not", async () => {
    for (const status of [404, 403, 400, 422]) {
      stub.otherwise = { status, body: { name: "NOT_AUTHORIZED" } };
      expect(await ledger.dispute("PP-D-12345")).toBeNull();
    }
    stub.otherwise = { status: 500, body: {} };
    await expect(ledger.dispute("PP-D-12345")).rejects.toMatchObject({ code: "PROVIDER_UNAVAILABLE" });
  });
});

test("a capture that PayPal reversed is a dispute that is lost: the money is gone", () => {
  const links = [{ rel: "up", href: "https://api.paypal.com/v2/payments/captures/3BC38643YC807283D" }];
  const reversal = { id: "R1", status: "COMPLETED", amount: { currency_code: "EUR", value: "6.00" }, links };
  expect(event("PAYMENT.CAPTURE.REVERSED", reversal)).toEqual({
    kind: "event",
    event: {
      kind: "dispute",
      event_id: "paypal:WH-1",
      dispute: { ...OPEN, provider_dispute_id: "R1", status: "lost", reason: null, respond_by: null },
    },
  });
});
