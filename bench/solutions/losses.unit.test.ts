import { describe, expect, test } from "bun:test";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { type Records, countLosses, standingCharges } from "./losses.ts";

const CLEAN: Records = {
  charges: ["a", "b"],
  orders: [
    { checkout: "a", units: 1 },
    { checkout: "b", units: 3 },
  ],
  unitsTaken: 4,
  // c was declined and compensated.
  accepted: ["a", "b", "c"],
  ended: new Set(["a", "b", "c"]),
};
const NOTHING = {
  chargedWithoutOrder: 0,
  orderWithoutCharge: 0,
  doubleCharges: 0,
  unitsHeldForNobody: 0,
  acceptedAndForgotten: 0,
};

describe("countLosses", () => {
  test.each([
    ["consistent records", {}, {}],
    ["a charge without an order", { charges: ["a", "b", "x"] }, { chargedWithoutOrder: 1 }],
    ["an order without a charge", { charges: ["a"] }, { orderWithoutCharge: 1 }],
    ["a shopper charged three times", { charges: ["a", "a", "a", "b"] }, { doubleCharges: 2 }],
    [
      "two charges without an order count as both",
      { charges: ["a", "b", "x", "x"] },
      { chargedWithoutOrder: 1, doubleCharges: 1 },
    ],
    ["taken stock without an order", { unitsTaken: 9 }, { unitsHeldForNobody: 5 }],
    ["orders for stock that was not taken", { unitsTaken: 3 }, { unitsHeldForNobody: -1 }],
    ["an accepted checkout that never finishes", { ended: new Set(["a", "b"]) }, { acceptedAndForgotten: 1 }],
    ["a finished checkout that was not accepted", { accepted: [] }, {}],
  ] satisfies [string, Partial<Records>, Partial<typeof NOTHING>][])("%s", (_what, records, lost) => {
    expect(countLosses({ ...CLEAN, ...records })).toEqual({ ...NOTHING, ...lost });
  });
});

describe("standingCharges", () => {
  const common = {
    at_ms: 0,
    saga_id: null,
    idempotency_key: null,
    fingerprint: "f",
    reply_lost: false,
    error: null,
  };
  const intent = { currency: "EUR", payment_method: "pm", description: null };
  const charge = (seq: number, id: string, metadata: Record<string, string>): ProviderLedgerEntry => ({
    ...common,
    ...intent,
    seq,
    kind: "charge",
    payment_intent: id,
    amount_cents: 100,
    metadata,
  });
  const refund = (seq: number, id: string, amount_cents: number): ProviderLedgerEntry => ({
    ...common,
    seq,
    kind: "refund",
    payment_intent: id,
    refund: `re_${seq}`,
    amount_cents,
    currency: "EUR",
    reason: null,
    metadata: {},
  });

  test("are the charges not fully refunded, by checkout", () => {
    const entries = [
      charge(1, "pi_1", { saga_id: "kept" }),
      charge(2, "pi_2", { saga_id: "given back" }),
      charge(3, "pi_3", { saga_id: "given back in part" }),
      charge(4, "pi_4", {}),
      refund(5, "pi_2", 60),
      refund(6, "pi_2", 40),
      refund(7, "pi_3", 99),
    ];
    expect(standingCharges(entries, (metadata) => metadata["saga_id"])).toEqual([
      "kept",
      "given back in part",
      "pi_4",
    ]);
  });
});
