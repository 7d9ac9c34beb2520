// What PayPal took and returned, in minor units.
import { expect, test } from "bun:test";
import type { PayPalLedgerEntry } from "../schemas/paypal-ledger.ts";
import { payPalMovements } from "./ledger.ts";

const common = {
  seq: 1,
  at_ms: 0,
  order: "order",
  saga_id: "saga",
  request_id: null,
  fingerprint: "",
  reply_lost: false,
};

test.each([
  ["12.50", "EUR", 1_250],
  ["1480", "JPY", 1_480],
  // Whole at PayPal only.
  ["800", "TWD", 80_000],
])("%s %s are %d minor units", (value, currency, amount_cents) => {
  const capture = { ...common, kind: "capture", capture: "c", authorization: null, value, currency } as const;
  expect(payPalMovements([capture])).toEqual([
    { kind: "charge", payment_intent: "c", saga_id: "saga", currency, amount_cents },
  ]);
});

test("a refund belongs to its capture, and what only approves or holds money moves none", () => {
  const money = { value: "12.50", currency: "EUR" };
  const ledger: readonly PayPalLedgerEntry[] = [
    { ...common, kind: "approval", answer: "approved" },
    { ...common, ...money, kind: "authorization", authorization: "a" },
    { ...common, ...money, kind: "capture", capture: "c", authorization: "a" },
    { ...common, ...money, kind: "refund", capture: "c", refund: "r" },
    { ...common, kind: "void", authorization: "a" },
  ];
  const moved = payPalMovements(ledger).map(({ kind, payment_intent }) => [kind, payment_intent]);
  expect(moved).toEqual([
    ["charge", "c"],
    ["refund", "c"],
  ]);
});
