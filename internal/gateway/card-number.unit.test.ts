// Which texts count as card numbers, and which do not in spite of many digits. The card numbers are the providers' public test
// numbers.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { holdsCardNumber, passesLuhn } from "./card-number.ts";

test.each([
  "4242424242424242",
  "4242 4242 4242 4242",
  "4242-4242-4242-4242",
  "4242_4242_4242_4242",
  "4242.4242.4242.4242",
  "pm_4242424242424242",
  "card-4242-4242-4242-4242-12-34-123",
  "378282246310005",
  "3782 822463 10005",
])("%s is a card number", (text) => {
  expect(holdsCardNumber(text)).toBe(true);
});

test.each([
  "pm_card_visa",
  "pm_1MqLiJLkdIwHu7ixUEgbFdYl",
  "4242424242424241",
  "424242424242424242424242",
  "tok4242424242424242",
  "pm_4242424242424242x",
  "550e8400-e29b-41d4-a716-424242424242",
  "42424242-4242-4242-4242-424242424242",
  "",
  "-",
])("%s is not a card number", (text) => {
  expect(holdsCardNumber(text)).toBe(false);
});

test("exactly one last digit makes a number pass, with any grouping", () => {
  const stem = fc.stringMatching(/^\d{11,18}$/u);
  fc.assert(
    fc.property(stem, fc.constantFrom("", " ", "-"), (digits, separator) => {
      const numbers = Array.from({ length: 10 }, (_, last) => `${digits}${last}`);
      expect(numbers.filter(passesLuhn)).toHaveLength(1);
      const number = numbers.find(passesLuhn) ?? "";
      expect(holdsCardNumber(number.replaceAll(/(\d{4})(?=\d)/gu, `$1${separator}`))).toBe(true);
    }),
  );
});
