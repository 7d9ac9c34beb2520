// Amounts as PayPal expects them, and back.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CURRENCIES, minorDigits } from "../../../../kernel/money.ts";
import { PAYPAL_CURRENCIES } from "../../../../kernel/paypal-charges.ts";
import { fromPayPal, toPayPal } from "./paypal-amounts.ts";

test.each([
  ["12.50 EUR", 1_250, "EUR", "12.50"],
  ["0.05 USD", 5, "USD", "0.05"],
  ["500 JPY", 500, "JPY", "500"],
  ["1045 HUF", 104_500, "HUF", "1045"],
  ["800 TWD", 80_000, "TWD", "800"],
])("%s is charged exactly", (_, amount_cents, currency, value) => {
  expect(toPayPal({ amount_cents, currency })).toEqual({ money: { currency_code: currency, value } });
});

test("every amount that is sent converts back unchanged, and obeys PayPal's form on the way", () => {
  const money = fc
    .constantFrom(...PAYPAL_CURRENCIES)
    .chain((currency) =>
      fc.integer({ min: 0, max: 99_999_999 }).map((amount_cents) => ({ amount_cents, currency })),
    );
  fc.assert(
    fc.property(money, (ours) => {
      const sent = toPayPal(ours);
      if ("fault" in sent) {
        // Only a fraction of a currency that is whole at PayPal is not sent.
        expect(["HUF", "TWD"]).toContain(ours.currency);
        expect(ours.amount_cents % 100).not.toBe(0);
        return;
      }
      expect(fromPayPal(sent.money)).toEqual(ours);
      // The pattern of the schema `money` in PayPal's OpenAPI document of Orders v2.
      expect(sent.money.value).toMatch(/^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$/);
      expect(sent.money.value.includes(".")).toBe(!["HUF", "JPY", "TWD"].includes(ours.currency));
    }),
    { numRuns: 2_000 },
  );
});

describe("an amount that PayPal would not charge exactly is not sent", () => {
  test.each([
    ["a fraction of a forint", 1_045, "HUF", "only whole amounts of HUF"],
    ["a currency that PayPal does not have", 5_120, "KWD", "PayPal does not take KWD"],
    ["a currency with unknown decimals", 100, "XTS", "XTS is not a supported currency"],
  ])("%s", (_, amount_cents, currency, fault) => {
    expect(toPayPal({ amount_cents, currency })).toEqual({ fault: expect.stringContaining(fault) });
  });
});

test("a whole amount may have zeros after the point, but no other decimals", () => {
  expect(fromPayPal({ currency_code: "JPY", value: "500.00" })).toEqual({
    amount_cents: 500,
    currency: "JPY",
  });
  expect(fromPayPal({ currency_code: "JPY", value: "500.50" })).toBeNull();
  expect(fromPayPal({ currency_code: "EUR", value: "-1.00" })).toBeNull();
  expect(fromPayPal({ currency_code: "XTS", value: "1.00" })).toBeNull();
});

test("PayPal's currencies are among ours, with the decimals that its amounts have", () => {
  for (const currency of PAYPAL_CURRENCIES) {
    expect(CURRENCIES).toContain(currency);
    expect(minorDigits(currency)).toBe(currency === "JPY" ? 0 : 2);
  }
});
