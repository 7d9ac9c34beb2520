// Amounts as Stripe expects them, by its own examples (https://docs.stripe.com/currencies), and back.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { chargeLimits } from "../../../../kernel/charge-limits.ts";
import { CURRENCIES, type Money, priceStep } from "../../../../kernel/money.ts";
import { badCurrency, badSum } from "../../../../paysim/currencies.ts";
import { fromStripe, toStripe } from "./stripe-amounts.ts";

test.each([
  ["10 USD", 1_000, "USD", 1_000],
  ["500 JPY", 500, "JPY", 500],
  ["5 ISK", 5, "ISK", 500],
  ["5 UGX", 5, "UGX", 500],
  ["10.45 HUF", 1_045, "HUF", 1_045],
  ["800.45 TWD", 80_045, "TWD", 80_045],
  ["5.120 KWD", 5_120, "KWD", 5_120],
  ["300 MGA", 300, "MGA", 300],
])("%s is charged exactly", (_, amount_cents, currency, amount) => {
  expect(toStripe({ amount_cents, currency })).toEqual({ amount, currency: currency.toLowerCase() });
});

const ofStep = (currency: string) =>
  fc
    .integer({ min: 0, max: 99_999_999 })
    .map((amount) => ({ amount_cents: amount * priceStep(currency), currency }));
const money = fc.constantFrom(...CURRENCIES).chain(ofStep);

function sentFor(amount: Money): { readonly amount: number; readonly currency: string } {
  const sent = toStripe(amount);
  if ("fault" in sent) throw new Error(sent.fault);
  return sent;
}

test("every amount in every currency converts back unchanged, and obeys Stripe's rules on the way", () => {
  fc.assert(
    fc.property(money, (ours) => {
      const sent = sentFor(ours);
      expect(fromStripe(sent.amount, sent.currency)).toEqual(ours);
      expect(Number.isSafeInteger(sent.amount)).toBe(true);
      // The simulator has Stripe's rules from Stripe's documents, not from here.
      if (sent.amount <= 99_999_999) expect(badSum(sent.amount, sent.currency)).toBeNull();
      expect(badCurrency(sent.currency)).toBeNull();
    }),
    { numRuns: 2_000 },
  );
});

test("the largest total that we accept is the largest that Stripe takes", () => {
  for (const currency of CURRENCIES) {
    const step = priceStep(currency);
    const largest = Math.floor(chargeLimits(currency).maximum / step) * step;
    const sent = sentFor({ amount_cents: largest, currency });
    expect(badSum(sent.amount, sent.currency)).toBeNull();
    const more = sentFor({ amount_cents: largest + step, currency });
    expect(badSum(more.amount, more.currency)).toMatchObject({ code: "amount_too_large" });
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
