// What a shopper may see after what.
import { describe, expect, test } from "bun:test";
import { SAGA_STATUSES, type SagaStatus } from "../../schemas/http.ts";
import { contradiction } from "./statuses.ts";

const FORWARD: readonly SagaStatus[] = [
  "STARTED",
  "INVENTORY_RESERVED",
  "PAYMENT_CHARGED",
  "ORDER_CREATED",
  "COMPLETED",
];
const ENDS: readonly SagaStatus[] = ["COMPLETED", "COMPENSATED", "FAILED"];

describe("a status that is seen after another", () => {
  test("may be the same, or further on, whatever was missed in between", () => {
    for (const [index, before] of FORWARD.entries())
      for (const after of FORWARD.slice(index)) expect(contradiction(before, after)).toBeNull();
  });

  test("may not lie further back", () => {
    for (const [index, after] of FORWARD.entries())
      for (const before of FORWARD.slice(index + 1, -1))
        expect(contradiction(before, after)).toBe(`it went back from ${before} to ${after}`);
  });

  test("may be its undoing from anywhere before the end, and then only that or undone", () => {
    for (const before of FORWARD.slice(0, -1)) expect(contradiction(before, "COMPENSATING")).toBeNull();
    expect(contradiction("COMPENSATING", "COMPENSATED")).toBeNull();
    for (const after of FORWARD) expect(contradiction("COMPENSATING", after)).not.toBeNull();
  });

  test("may be nothing else after an end", () => {
    for (const before of ENDS)
      for (const after of SAGA_STATUSES.filter((status) => status !== before))
        expect(contradiction(before, after)).toBe(`${before} was its end, and then it was ${after}`);
  });
});
