// What the provider holds is compared with what the carts cost, in the decimals of each currency.
import { describe, expect, test } from "bun:test";
import type { Movement } from "../ledger.ts";
import { moneyOf } from "./money.ts";
import type { Checkout } from "./shopping.ts";

const SAGA = "0198c0de-0000-7000-8000-000000000001";
const PRICES = { EUR: 1_250, JPY: 1_480, KWD: 3_870 } as const;
type Currency = keyof typeof PRICES;

function checkout(currency: Currency, fields: Partial<Checkout> = {}): Checkout {
  const price = { currency, amount_cents: PRICES[currency] };
  const ended = { status: "COMPLETED", end: "COMPLETED", totalCents: price.amount_cents } as const;
  return { intendedAt: 0, isSlow: false, provider: "stripe", price, sagaId: SAGA, ...ended, ...fields };
}

function moves(kind: Movement["kind"], currency: string, amount_cents: number): Movement {
  return { kind, payment_intent: "pi_1", saga_id: kind === "charge" ? SAGA : null, amount_cents, currency };
}

const faults = (one: Checkout, ...ledger: readonly Movement[]) => moneyOf([one], ledger).violations;

describe.each(["EUR", "JPY", "KWD"] as const)("in %s", (currency) => {
  const price = PRICES[currency];

  test("a completed checkout costs its price, once", () => {
    const paid = moves("charge", currency, price);
    expect(faults(checkout(currency), paid)).toEqual([]);
    expect(faults(checkout(currency), paid, paid)).toHaveLength(1);
    expect(faults(checkout(currency))).toHaveLength(1);
  });

  test("any other checkout costs nothing in the end", () => {
    const undone = checkout(currency, { status: "COMPENSATED", end: "PAYMENT_NOT_CONFIRMED" });
    const [charge, refund] = [moves("charge", currency, price), moves("refund", currency, price)];
    expect(faults(undone)).toEqual([]);
    expect(faults(undone, charge, refund)).toEqual([]);
    expect(faults(undone, charge)).toHaveLength(1);
  });

  test.each([10, 100])("an amount that is wrong by the factor %d is noticed", (factor) => {
    expect(faults(checkout(currency), moves("charge", currency, price * factor))).toHaveLength(1);
    expect(faults(checkout(currency), moves("charge", currency, price / factor))).toHaveLength(1);
  });
});

test("KWD has three decimals", () => {
  expect(faults(checkout("KWD"), moves("charge", "KWD", 387))).toEqual([
    `saga ${SAGA} ended as COMPLETED: the provider holds 0.387 KWD instead of 3.870 KWD`,
  ]);
});

test("the right number in another currency is noticed", () => {
  expect(faults(checkout("JPY"), moves("charge", "EUR", 1_480))).toEqual([
    `saga ${SAGA} ended as COMPLETED: the provider holds 0 JPY instead of 1480 JPY`,
    `saga ${SAGA} is in JPY, and the provider took 14.80 EUR`,
  ]);
});

test("a total that the shop counts differently from the cart's price is noticed, even if it was charged so", () => {
  expect(faults(checkout("KWD", { totalCents: 387 }), moves("charge", "KWD", 3_870))).toEqual([
    `saga ${SAGA} cost 0.387 KWD, its cart 3.870 KWD`,
  ]);
});

test("sums and ends are by currency", () => {
  const checkouts = [
    checkout("EUR"),
    checkout("KWD", { sagaId: "other", end: "PAYMENT_NOT_CONFIRMED" }),
    checkout("KWD", { sagaId: "another", end: "PAYMENT_NOT_CONFIRMED" }),
  ];
  expect(moneyOf(checkouts, [moves("charge", "EUR", 1_250)]).byCurrency).toEqual({
    EUR: { ends: { COMPLETED: 1 }, due_cents: 1_250, taken_cents: 1_250, returned_cents: 0 },
    KWD: { ends: { PAYMENT_NOT_CONFIRMED: 2 }, due_cents: 0, taken_cents: 0, returned_cents: 0 },
  });
});
