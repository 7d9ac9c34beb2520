// The sentence about the money of a saga.
import { expect, test } from "bun:test";
import { orderNumberOf } from "../kernel/order-number.ts";
import { NOW, sagaId, sagaOf } from "../testkit/console.ts";
import { moneyWords, wordsOf } from "./saga-words.ts";
import type { MoneyRow } from "./saga-store.ts";

const row = (kind: MoneyRow["kind"], status: string, attempts: number): MoneyRow => ({
  kind,
  id: sagaId(9),
  status,
  amount_cents: 7_700,
  provider_id: null,
  error_code: null,
  attempts,
  created_at: NOW,
  updated_at: NOW,
});

test.each([
  [1, "1 attempt", "1 time"],
  [2, "2 attempts", "2 times"],
])("%d try is said as one says it", (count, attempts, times) => {
  const saga = sagaOf(7);
  const charged = row("payment", "SUCCEEDED", 1);
  expect(moneyWords([charged, row("refund", "PENDING", count)], saga)).toBe(
    `77.00 EUR charged; a refund of 77.00 EUR is open after ${attempts}.`,
  );
  expect(moneyWords([row("payment", "UNKNOWN", count)], saga)).toEndWith(`the provider was asked ${times}.`);
  expect(moneyWords([row("payment", "PENDING", count)], saga)).toEndWith(`asked ${times}.`);
});

test.each([
  ["authorize", "INVENTORY_RESERVED", "Items are held; waiting for the bank"],
  ["confirm", "INVENTORY_RESERVED", "The amount is set aside"],
  ["confirm", "PAYMENT_CHARGED", "Paid; waiting for inventory"],
  ["capture", "INVENTORY_RESERVED", "Items are confirmed; waiting for the payment service"],
] as const)("a saga in %s that is %s says what it waits for", (current_step, status, text) => {
  expect(wordsOf(sagaOf(7, { status, current_step }), []).text).toStartWith(text);
});

test("money that is held is told apart from money that was taken", () => {
  const told = ["AUTHORIZED", "CAPTURE_PENDING", "VOID_PENDING"].map((status) =>
    moneyWords([row("payment", status, 1)], sagaOf(7)),
  );
  expect(told).toEqual([
    "77.00 EUR are set aside at the bank and not taken.",
    "77.00 EUR are set aside at the bank and about to be taken; asked 1 time.",
    "77.00 EUR were set aside at the bank, and are being released.",
  ]);
});

test("a saga that is undone is told in words that do not repeat its status", () => {
  for (const compensation_step of ["order", "charge", "authorize", "reserve"]) {
    const { text } = wordsOf(sagaOf(7, { status: "COMPENSATING", compensation_step }), []);
    expect(text).toStartWith("Waiting for ");
    expect(text.toLowerCase()).not.toContain("compensating");
  }
});

test("money that is to be given back is said to be not refunded yet, by what has to come first", () => {
  const charged = [row("payment", "SUCCEEDED", 1)];
  const undoing = (compensation_step: string) =>
    moneyWords(charged, sagaOf(7, { status: "COMPENSATING", compensation_step }));
  const waits = "77.00 EUR charged. Not refunded yet: the refund follows once the order is undone.";
  const asked = "77.00 EUR charged. Not refunded yet: the payment service is asked for the refund.";
  expect(["order", "charge", "authorize"].map(undoing)).toEqual([waits, asked, asked]);
  const completed = sagaOf(7, { status: "COMPLETED", completed_at: NOW });
  expect(moneyWords(charged, completed)).toBe("77.00 EUR charged.");
  expect(moneyWords(charged, completed, "order")).toBe(waits);
  expect(moneyWords(charged, completed, "refund")).toBe(asked);
  expect(moneyWords(charged, sagaOf(7))).toBe("77.00 EUR charged.");
});

test("a completed checkout names its order by the number that shoppers see", () => {
  const saga = sagaOf(7, { status: "COMPLETED", completed_at: NOW, order_id: sagaId(5) });
  expect(wordsOf(saga, []).text).toBe(`Completed with order ${orderNumberOf(sagaId(5))}`);
});
