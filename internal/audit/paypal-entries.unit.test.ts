// What the audit makes of PayPal's ledger.
import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { PayPalLedgerEntry } from "../../schemas/paypal-ledger.ts";
import { payPalEntries } from "./paypal-entries.ts";

const SAGA = "0198c0de-0000-7000-8000-000000000001";
const base = { at_ms: 5, saga_id: SAGA, request_id: "k", fingerprint: "f", reply_lost: false, order: "O1" };
const money = { value: "12.50", currency: "EUR" };

async function told(...entries: readonly object[]) {
  const numbered = entries.map((entry, index) =>
    Value.Parse(PayPalLedgerEntry, { seq: index + 1, ...base, ...entry }),
  );
  const all = await Array.fromAsync(payPalEntries(numbered));
  return all.map((entry) => ({
    kind: entry.kind,
    ...("payment_intent" in entry ? { id: entry.payment_intent } : {}),
    ...("amount_cents" in entry ? { amount: entry.amount_cents } : {}),
  }));
}

const hold = { kind: "authorization", authorization: "A1", ...money };

test("captures and refunds are money, orders and approvals are none", async () => {
  expect(
    await told(
      { kind: "approval", answer: "approved" },
      { kind: "capture", capture: "C1", authorization: null, ...money },
      { kind: "refund", capture: "C1", refund: "R1", ...money },
    ),
  ).toEqual([
    { kind: "charge", id: "C1", amount: 1_250 },
    { kind: "refund", id: "C1", amount: 1_250 },
  ]);
});

test.each([
  ["1045", "HUF", 104_500],
  ["500", "JPY", 500],
  ["800", "TWD", 80_000],
])("%s %s in minor units", async (value, currency, amount) => {
  const capture = { kind: "capture", capture: "C1", authorization: null, value, currency };
  expect(await told(capture)).toEqual([{ kind: "charge", id: "C1", amount }]);
});

test("a hold that is taken has the id of its capture", async () => {
  expect(await told(hold, { kind: "capture", capture: "C1", authorization: "A1", ...money })).toEqual([
    { kind: "hold", id: "C1", amount: 1_250 },
    { kind: "charge", id: "C1", amount: 1_250 },
  ]);
});

test("a hold that is released, and one that is left open", async () => {
  expect(await told(hold, { kind: "void", authorization: "A1" })).toEqual([
    { kind: "hold", id: "order:O1", amount: 1_250 },
    { kind: "cancel", id: "order:O1" },
  ]);
  expect(await told(hold)).toEqual([{ kind: "hold", id: "order:O1", amount: 1_250 }]);
});
