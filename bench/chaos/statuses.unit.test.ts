// The order of statuses that a shopper may see.
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
  test("may be the same or a later one", () => {
    for (const [index, before] of FORWARD.entries())
      for (const after of FORWARD.slice(index)) expect(contradiction(before, after)).toBeNull();
  });

  test("may not be an earlier one", () => {
    for (const [index, after] of FORWARD.entries())
      for (const before of FORWARD.slice(index + 1, -1))
        expect(contradiction(before, after)).toBe(`it went back from ${before} to ${after}`);
  });

  test("may be COMPENSATING at any time before the end, and then only COMPENSATING or COMPENSATED", () => {
    for (const before of FORWARD.slice(0, -1)) expect(contradiction(before, "COMPENSATING")).toBeNull();
    expect(contradiction("COMPENSATING", "COMPENSATED")).toBeNull();
    for (const after of FORWARD) expect(contradiction("COMPENSATING", after)).not.toBeNull();
  });

  test("may not differ from a terminal status", () => {
    for (const before of ENDS)
      for (const after of SAGA_STATUSES.filter((status) => status !== before))
        expect(contradiction(before, after)).toBe(
          `it changed from the terminal status ${before} to ${after}`,
        );
  });
});
