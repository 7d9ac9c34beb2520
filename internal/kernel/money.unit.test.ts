// The digits of each currency, and amounts as text.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { CURRENCIES, currencyFault, moneyText, parseMoney, priceFault } from "./money.ts";

test.each([
  [1_250, "EUR", "12.50 EUR"],
  [5, "EUR", "0.05 EUR"],
  [0, "EUR", "0.00 EUR"],
  [-1_250, "EUR", "-12.50 EUR"],
  [50_000, "JPY", "50000 JPY"],
  [0, "JPY", "0 JPY"],
  [1_860, "KWD", "1.860 KWD"],
  [10, "KWD", "0.010 KWD"],
  [1_045, "HUF", "10.45 HUF"],
  [500, "ISK", "500 ISK"],
  [500, "UGX", "500 UGX"],
  [500, "MGA", "500 MGA"],
  [9_999_999_999, "EUR", "99999999.99 EUR"],
  [500, "XTS", "500 minor units of XTS"],
])("%d minor units of %s are printed as %s", (amount, currency, text) => {
  expect(moneyText(amount, currency)).toBe(text);
});

test("the table lists each currency once, with a code of three letters", () => {
  expect(CURRENCIES.length).toBeGreaterThan(100);
  expect(CURRENCIES.filter((code) => !/^[A-Z]{3}$/.test(code))).toEqual([]);
  expect(new Set(CURRENCIES).size).toBe(CURRENCIES.length);
});

test("a price must be a multiple of the step of a supported currency", () => {
  expect(priceFault({ amount_cents: 1_860, currency: "KWD" })).toBeNull();
  expect(priceFault({ amount_cents: 1, currency: "EUR" })).toBeNull();
  expect(priceFault({ amount_cents: 1_865, currency: "KWD" })).toContain("multiples of 10 minor units");
  expect(priceFault({ amount_cents: 100, currency: "XTS" })).toContain("XTS is not a supported currency");
  expect(currencyFault("EUR")).toBeNull();
});

test("every amount in every currency is read back from its text", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CURRENCIES),
      fc.integer({ min: 0, max: 9_999_999_999 }),
      (currency, amount) => {
        const [text = ""] = moneyText(amount, currency).split(" ");
        expect(parseMoney(text, currency)).toBe(amount);
      },
    ),
  );
});

test.each([
  ["12.5", "EUR", 1_250],
  ["12", "EUR", 1_200],
  ["0.29", "EUR", 29],
  ["1.86", "KWD", 1_860],
  ["12,50", "EUR", null],
  ["12.505", "EUR", null],
  ["12.0", "JPY", null],
  ["-1", "EUR", null],
  ["1e3", "EUR", null],
  ["", "EUR", null],
  [".5", "EUR", null],
  ["1", "XTS", null],
] as const)("%p %s is %p minor units", (text, currency, amount) => {
  expect(parseMoney(text, currency)).toBe(amount);
});
