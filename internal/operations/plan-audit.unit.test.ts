// The reason that the lines of a run carry.
import { expect, test } from "bun:test";
import { reasonNow } from "./plan-audit.ts";

test("what a run does after a resume names who let it go on, and why if that was given", () => {
  expect(reasonNow("the fix is out", undefined)).toBe("the fix is out");
  expect(reasonNow("the fix is out", { actor: "bob", reason: "the stock is right" })).toBe(
    "the fix is out; resumed by bob: the stock is right",
  );
  expect(reasonNow("the fix is out", { actor: "bob", reason: "none given" })).toBe(
    "the fix is out; resumed by bob",
  );
});
