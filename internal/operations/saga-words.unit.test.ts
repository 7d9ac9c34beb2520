// The sentence about the money of a saga.
import { expect, test } from "bun:test";
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

test("a saga that is undone is told in words that do not repeat its status", () => {
  for (const compensation_step of ["order", "charge", "reserve"]) {
    const { text } = wordsOf(sagaOf(7, { status: "COMPENSATING", compensation_step }), []);
    expect(text).toStartWith("Waiting for ");
    expect(text.toLowerCase()).not.toContain("compensating");
  }
});
