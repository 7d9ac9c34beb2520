// What follows from a failure code. That each code has a kind, and each kind its texts, is checked by the compiler.
import { expect, test } from "bun:test";
import { FAILURE_CODES, failureKind, isDecline, isRetryable, nextStepOf } from "./failures.ts";

test("a bank's refusal never tells why, and a code that is not known is our fault", () => {
  expect(failureKind("CARD_DECLINED")).toBe("bank_refused");
  for (const code of ["LOST_CARD", "__proto__", "toString", ""]) {
    expect(failureKind(code)).toBe("our_fault");
    expect([isRetryable(code), isDecline(code)]).toEqual([true, false]);
  }
});

test("the checkout that can never succeed is not retryable", () => {
  expect(FAILURE_CODES.filter((code) => !isRetryable(code)).toSorted()).toEqual([
    "ADDRESS_NOT_SERVED",
    "AMOUNT_NOT_CHARGEABLE",
    "AMOUNT_TOO_LARGE",
    "AMOUNT_TOO_SMALL",
    "CURRENCY_MISMATCH",
    "INSUFFICIENT_STOCK",
    "RESERVATION_LOST",
    "TOTAL_TOO_LARGE",
    "TOTAL_TOO_SMALL",
    "UNKNOWN_SKU",
  ]);
});

test("declines are failures that say something about the card, and another card or another try is the way out of each", () => {
  const declines = FAILURE_CODES.filter(isDecline);
  expect(declines.length).toBeGreaterThan(15);
  for (const code of declines) expect(["other_card", "pay_again"]).toContain(nextStepOf(failureKind(code)));
  for (const code of ["PROVIDER_UNAVAILABLE", "PRICE_CHANGED", "DEADLINE_EXCEEDED", "PROCESSING_ERROR"])
    expect(isDecline(code)).toBe(false);
});
