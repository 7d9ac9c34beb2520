// A fuzzing run counts only if it made the cases that it was asked for.
import { expect, test } from "bun:test";
import { verdictOf } from "./fuzzer.ts";

test.each([
  [false, 10_000, true, "10000 cases, at least 10000 wanted"],
  [false, 9_999, false, "9999 cases, at least 10000 wanted: TOO FEW"],
  [false, 0, false, "0 cases, at least 10000 wanted: TOO FEW"],
  [true, 10_500, false, "10500 cases, at least 10000 wanted"],
] as const)("found a fault: %p; %d cases: good %p", (found, generated, isGood, text) => {
  expect(verdictOf({ found, generated }, 10_000)).toEqual({ isGood, text });
});
