// Amounts as Stripe expects them, by its own examples (https://docs.stripe.com/currencies), and back.
import { describe, expect, test } from "bun:test";
import { CURRENCIES, priceStep } from "../../../../kernel/money.ts";
import { fromStripe, toStripe } from "./stripe-amounts.ts";

test.each([
  ["10 USD", 1_000, "USD", 1_000],
  ["500 JPY", 500, "JPY", 500],
  ["5 ISK", 5, "ISK", 500],
  ["5 UGX", 5, "UGX", 500],
  ["10.45 HUF", 1_045, "HUF", 1_045],
  ["5.120 KWD", 5_120, "KWD", 5_120],
  ["300 MGA", 300, "MGA", 300],
])("%s is charged exactly", (_, amount_cents, currency, amount) => {
  expect(toStripe({ amount_cents, currency })).toEqual({ amount, currency: currency.toLowerCase() });
});

test("every currency converts back unchanged", () => {
  for (const currency of CURRENCIES) {
    const money = { amount_cents: 7 * priceStep(currency), currency };
    const sent = toStripe(money);
    if ("fault" in sent) throw new Error(sent.fault);
    expect(fromStripe(sent.amount, sent.currency)).toEqual(money);
  }
});

describe("an amount that Stripe would not charge exactly is not sent", () => {
  test("fils that no card network accepts", () => {
    expect(toStripe({ amount_cents: 5_124, currency: "KWD" })).toEqual({
      fault: expect.stringContaining("multiples of 10 minor units (0.010 KWD)"),
    });
  });

  test("a currency with unknown decimals", () => {
    expect(toStripe({ amount_cents: 100, currency: "XTS" })).toEqual({
      fault: expect.stringContaining("XTS is not a supported currency"),
    });
  });
});
