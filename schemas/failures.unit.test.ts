// What follows from a failure code. That each code has a kind, and each kind its texts, is checked by the compiler.
import { expect, test } from "bun:test";
import {
  FAILURE_CODES,
  failureKind,
  isDecline,
  isRetryable,
  isShopsFailure,
  nextStepOf,
} from "./failures.ts";

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
  for (const code of ["PROVIDER_UNAVAILABLE", "PRICE_CHANGED", "PAYMENT_NOT_CONFIRMED", "PROCESSING_ERROR"])
    expect(isDecline(code)).toBe(false);
});

test("the shop's failures are what it could not do, never what shopper, card, bank or operator decided", () => {
  expect(FAILURE_CODES.filter(isShopsFailure).toSorted()).toEqual([
    "DEADLINE_EXCEEDED",
    "NOT_CHARGED",
    "PROVIDER_REJECTED",
    "PROVIDER_UNAVAILABLE",
    "RESERVATION_EXPIRED",
    "RESERVATION_LOST",
    "TOTAL_MISMATCH",
  ]);
  expect(isShopsFailure("A_CODE_OF_A_NEWER_SERVICE")).toBe(true);
  expect(FAILURE_CODES.filter((code) => isShopsFailure(code) && isDecline(code))).toEqual([]);
});
