// What the page says in each state, above all about the money.
import { describe, expect, test } from "bun:test";
import type { CheckoutStatus } from "./port.ts";
import { moneySentence, stageOf, takesLong, viewVersion } from "./status.ts";
import { startedView } from "../testkit/status-view.ts";

const STARTED: CheckoutStatus = startedView(
  "01890000-0000-7000-9000-000000000001",
  "2026-11-29T12:00:00.000Z",
);
const at = (parts: Partial<CheckoutStatus>): CheckoutStatus => ({ ...STARTED, ...parts });
const action = { kind: "redirect" as const, expires_at: "2026-11-29T12:10:00.000Z" };

describe("without the orchestrator's word on the money", () => {
  const cases: readonly (readonly [Partial<CheckoutStatus>, ReturnType<typeof moneySentence>])[] = [
    [{}, "none"],
    [{ status: "INVENTORY_RESERVED" }, "asking"],
    [{ status: "INVENTORY_RESERVED", next_action: action }, "none"],
    [{ status: "PAYMENT_CHARGED" }, "taken"],
    [{ status: "ORDER_CREATED" }, "taken"],
    [{ status: "COMPLETED", total_cents: 100 }, "taken"],
    [{ status: "COMPLETED", total_cents: 0 }, "free"],
    [{ status: "COMPENSATING", failure_code: "DEADLINE_EXCEEDED" }, "unknown"],
    [{ status: "COMPENSATING", failure_code: "CARD_DECLINED" }, "none"],
    [{ status: "COMPENSATED", failure_code: "CARD_DECLINED" }, "none"],
    [{ status: "COMPENSATED", failure_code: "RESERVATION_LOST" }, "settled"],
    [{ status: "COMPENSATED", failure_code: "SOMETHING_NEW" }, "settled"],
  ];
  test.each(cases)("%o: %s", (parts, sentence) => {
    expect(moneySentence(at(parts))).toBe(sentence);
  });
});

test("the orchestrator's word counts, except that nobody knows anything while the bank is being asked", () => {
  expect(
    moneySentence(at({ status: "COMPENSATED", failure_code: "CARD_DECLINED", money: "returning" })),
  ).toBe("returning");
  expect(moneySentence(at({ status: "COMPENSATING", failure_code: "CARD_DECLINED", money: "unknown" }))).toBe(
    "unknown",
  );
  expect(moneySentence(at({ status: "INVENTORY_RESERVED", money: "unknown" }))).toBe("asking");
  expect(moneySentence(at({ status: "INVENTORY_RESERVED", money: "authorized" }))).toBe("authorized");
});

test("a confirmed order that was cancelled since is said to be, and its money to come back", () => {
  const paid = at({ status: "COMPLETED", total_cents: 100, money: "taken" });
  expect([stageOf(paid, "CONFIRMED"), moneySentence(paid, "CONFIRMED")]).toEqual(["confirmed", "taken"]);
  expect([stageOf(paid), moneySentence(paid)]).toEqual(["confirmed", "taken"]);
  expect([stageOf(paid, "CANCELLED"), moneySentence(paid, "CANCELLED")]).toEqual(["cancelled", "returning"]);
  // The orchestrator's word counts, also without the order's.
  const returned = at({ status: "COMPLETED", total_cents: 100, money: "returned" });
  expect([stageOf(returned), moneySentence(returned, "CANCELLED")]).toEqual(["cancelled", "returned"]);
  const unclear = at({ status: "COMPLETED", total_cents: 100, money: "unknown" });
  expect(moneySentence(unclear, "CANCELLED")).toBe("unknown");
  const gift = at({ status: "COMPLETED", total_cents: 0, money: "none" });
  expect([stageOf(gift, "CANCELLED"), moneySentence(gift, "CANCELLED")]).toEqual(["cancelled", "free"]);
  expect(stageOf(at({ status: "COMPENSATED" }), "CANCELLED")).toBe("not_ordered");
});

test("a confirmed order that was sent since is said to be on its way, then delivered", () => {
  const paid = at({ status: "COMPLETED", total_cents: 100, money: "taken" });
  expect([stageOf(paid, "SHIPPED"), moneySentence(paid, "SHIPPED")]).toEqual(["shipped", "taken"]);
  expect([stageOf(paid, "DELIVERED"), moneySentence(paid, "DELIVERED")]).toEqual(["delivered", "taken"]);
  // Sent before its checkout is completed: that is still what the page follows.
  expect(stageOf(at({ status: "ORDER_CREATED" }), "SHIPPED")).toBe("writing");
});

test("an order that is being cancelled says so until its own status tells how that ended", () => {
  const asked = at({ status: "COMPLETED", total_cents: 100, money: "taken", cancelling: true });
  expect([stageOf(asked, "CONFIRMED"), moneySentence(asked, "CONFIRMED")]).toEqual(["cancelling", "taken"]);
  expect(stageOf(asked)).toBe("cancelling");
  expect([stageOf(asked, "CANCELLED"), moneySentence(asked, "CANCELLED")]).toEqual([
    "cancelled",
    "returning",
  ]);
  expect([stageOf(asked, "SHIPPED"), moneySentence(asked, "SHIPPED")]).toEqual(["shipped", "taken"]);
});

test("waiting for the shopper is a stage of its own", () => {
  expect(stageOf(at({ status: "INVENTORY_RESERVED" }))).toBe("paying");
  expect(stageOf(at({ status: "INVENTORY_RESERVED", next_action: action }))).toBe("confirm_at_bank");
  expect(stageOf(at({ status: "FAILED" }))).toBe("not_ordered");
});

test("it takes long after ten seconds, but not while the shopper is at the bank, and not when it has ended", () => {
  const after = (seconds: number) => Date.parse(STARTED.created_at) + seconds * 1_000;
  expect(takesLong(STARTED, after(10))).toBe(false);
  expect(takesLong(STARTED, after(11))).toBe(true);
  expect(takesLong(at({ status: "INVENTORY_RESERVED", next_action: action }), after(60))).toBe(false);
  expect(takesLong(at({ status: "COMPLETED" }), after(60))).toBe(false);
  expect(viewVersion(STARTED, after(9))).not.toBe(viewVersion(STARTED, after(11)));
});
