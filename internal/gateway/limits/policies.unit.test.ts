// The fields about limits, and the caps of one process.
import { expect, test } from "bun:test";
import { allowanceItem, policyItem, secondsOf, tightest } from "./policies.ts";
import { SecondCap } from "./second-cap.ts";

const user = { name: "user", limit: 600, windowSeconds: 60 };
const address = { name: "address", limit: 1_200, windowSeconds: 60 };

// The form of the examples in draft-ietf-httpapi-ratelimit-headers-10.
test("a policy and what is left of it", () => {
  expect(policyItem(user)).toBe('"user";q=600;w=60');
  expect(allowanceItem({ policy: user, remaining: 599, msBeforeNext: 59_001 })).toBe('"user";r=599;t=60');
});

test.each([
  [0, 1],
  [1, 1],
  [1_000, 1],
  [1_001, 2],
])("%i ms are %i whole seconds", (ms, seconds) => {
  expect(secondsOf(ms)).toBe(seconds);
});

test("the tightest allowance has the smallest share left", () => {
  const half = { policy: user, remaining: 300, msBeforeNext: 1 };
  const more = { policy: address, remaining: 700, msBeforeNext: 1 };
  expect(tightest([more, half])).toBe(half);
  expect(tightest([])).toBeUndefined();
});

test("a cap counts each second anew, and 0 is none", () => {
  const time = { now: 0 };
  const cap = new SecondCap(2, () => time.now);
  const take = (count: number) => Array.from({ length: count }, () => cap.take());
  expect(take(3)).toEqual([true, true, false]);
  time.now = 999;
  expect(take(1)).toEqual([false]);
  time.now = 1_000;
  expect(take(3)).toEqual([true, true, false]);
  const none = new SecondCap(0, () => 0);
  expect(Array.from({ length: 5 }, () => none.take())).not.toContain(false);
});
