// The smallest and largest total of an order, by currency.
import { expect, test } from "bun:test";
import { chargeFault, chargeLimits } from "./charge-limits.ts";
import { CURRENCIES, priceStep } from "./money.ts";

test.each([
  ["EUR", 49, "TOTAL_TOO_SMALL", "0.49 EUR is too little for one order: at least 0.50 EUR, or nothing"],
  ["GBP", 29, "TOTAL_TOO_SMALL", "at least 0.30 GBP"],
  ["HUF", 17_499, "TOTAL_TOO_SMALL", "at least 175.00 HUF"],
  ["JPY", 49, "TOTAL_TOO_SMALL", "at least 50 JPY"],
  ["EUR", 100_000_000, "TOTAL_TOO_LARGE", "at most 999999.99 EUR"],
  ["ISK", 1_000_000, "TOTAL_TOO_LARGE", "at most 999999 ISK"],
  ["KWD", 99_999_995, "AMOUNT_NOT_CHARGEABLE", "multiples of 10 minor units"],
  ["XTS", 100, "AMOUNT_NOT_CHARGEABLE", "XTS is not a supported currency"],
] as const)("%s %d: %s", (currency, amount_cents, code, message) => {
  expect(chargeFault({ amount_cents, currency })).toEqual({
    code,
    message: expect.stringContaining(message),
  });
});

test("nothing to pay can be paid in every currency, and so can both limits", () => {
  for (const currency of CURRENCIES) {
    const { minimum, maximum } = chargeLimits(currency);
    const step = priceStep(currency);
    const sums = [0, Math.ceil(minimum / step) * step, Math.floor(maximum / step) * step];
    expect(sums.map((amount_cents) => chargeFault({ amount_cents, currency }))).toEqual([null, null, null]);
    expect(chargeFault({ amount_cents: maximum + 1, currency })?.code).toBe("TOTAL_TOO_LARGE");
  }
});
