// The text of a batch, read as the producer reads it.
import { describe, expect, test } from "bun:test";
import { outboxRule } from "../../schemas/outbox-rules.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { kept, namesOfRefused, refusedRecords, withoutRefused } from "./refused-records.ts";

const RULE = outboxRule("inventory");
const record = (...fields: readonly string[]) => fields.join(FIELD_SEPARATOR);
const text = (...records: readonly string[]) => records.join(RECORD_SEPARATOR);
const GOOD = record("inventory-events", "saga", "InventoryReserved", '{"a": "b"}');
const FORGED = record("payment-events", "saga", "PaymentSucceeded", "{}");

describe("a record is refused", () => {
  test.each([
    ["for a topic of another database", FORGED],
    [
      "for a type of another service on its own topic",
      record("inventory-events", "saga", "PaymentSucceeded", "{}"),
    ],
    ["without a type", record("inventory-events", "saga", "", "{}")],
    ["with too few fields", record("inventory-events", "saga", "InventoryReserved")],
    ["that is empty", ""],
  ])("%s", (_name, bad) => {
    expect(refusedRecords(text(GOOD, bad, GOOD), RULE).map(({ index }) => index)).toEqual([1]);
    expect(refusedRecords(text(bad, GOOD), RULE).map(({ index }) => index)).toEqual([0]);
    expect(refusedRecords(bad, RULE).map(({ index }) => index)).toEqual([0]);
  });
});

test("good records pass, whatever their bodies say", () => {
  const body = record(
    "inventory-events",
    "saga",
    "InventoryReserved",
    `{"topic": "payment-events", "x": "\\u001e"}`,
  );
  expect(refusedRecords(text(GOOD, body, GOOD), RULE)).toEqual([]);
  expect(refusedRecords(GOOD, RULE)).toEqual([]);
});

test("the rest stays, in order, and the refused are named, cut to a length", () => {
  const batch = text(FORGED, GOOD, record("x".repeat(1_000), "key", "Y", "{}"), GOOD);
  const refused = refusedRecords(batch, RULE);
  expect(withoutRefused(batch, refused)).toBe(text(GOOD, GOOD));
  expect(kept(["a", "b", "c", "d"], refused)).toEqual(["b", "d"]);
  expect(namesOfRefused(refused, ["a", "b", "c", "d"])).toEqual([
    "a (PaymentSucceeded for payment-events)",
    `c (Y for ${"x".repeat(100)})`,
  ]);
});
