// The report counts how checkouts ended.
import { expect, test } from "bun:test";
import { answersOf, endsOf, endsText, providersOf, uncheckedOf } from "./ends.ts";
import type { Checkout } from "./shopping.ts";

function checkout(fields: Partial<Checkout>, currency = "EUR"): Checkout {
  const price = { amount_cents: 1_250, currency };
  return { intendedAt: 0, isSlow: false, provider: "stripe", price, ...fields };
}

test("checkouts are counted by end, and unfinished ones by status", () => {
  const ends: readonly Partial<Checkout>[] = [
    { end: "CARD_DECLINED" },
    { end: "COMPLETED" },
    { end: "COMPLETED" },
    { status: "COMPENSATING" },
  ];
  const counted = endsOf(ends.map((end) => checkout(end)));
  expect(counted).toEqual({ COMPLETED: 2, CARD_DECLINED: 1, "still COMPENSATING": 1 });
  expect(endsText(counted)).toBe("2 COMPLETED, 1 CARD_DECLINED, 1 still COMPENSATING");
});

test("those whose bank asked are counted by answer and currency", () => {
  expect(
    answersOf([
      checkout({ end: "COMPLETED" }),
      checkout({ end: "COMPLETED", answer: "confirmed" }, "KWD"),
      checkout({ end: "PAYMENT_NOT_CONFIRMED", answer: "too late" }),
      checkout({ end: "COMPLETED", answer: "confirmed" }, "JPY"),
    ]),
  ).toEqual({
    confirmed: { JPY: { COMPLETED: 1 }, KWD: { COMPLETED: 1 } },
    "too late": { EUR: { PAYMENT_NOT_CONFIRMED: 1 } },
  });
});

test("each provider has the ends of its own checkouts", () => {
  const payPal = { provider: "paypal", answer: "abandoned", end: "PAYMENT_NOT_CONFIRMED" } as const;
  expect(providersOf([checkout({ end: "COMPLETED" }), checkout(payPal, "JPY")])).toEqual({
    stripe: { ends: { COMPLETED: 1 }, by_answer: {} },
    paypal: {
      ends: { PAYMENT_NOT_CONFIRMED: 1 },
      by_answer: { abandoned: { JPY: { PAYMENT_NOT_CONFIRMED: 1 } } },
    },
  });
});

test("visits to a bank that was away are counted", () => {
  const late = { end: "PAYMENT_NOT_CONFIRMED", answer: "too late" } as const;
  expect(uncheckedOf([checkout(late), checkout({ ...late, isBankUnchecked: true })])).toBe(1);
});
