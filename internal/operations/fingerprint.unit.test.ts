import { expect, test } from "bun:test";
import { sagaId } from "../testkit/console.ts";
import { commonPartOf, fingerprintOf } from "./fingerprint.ts";

const ERRORS: readonly (readonly [string, string])[] = [
  [
    "payment 019ace50-0000-7000-9000-000000000001 was not found after 3 attempts in 1200.5 ms",
    "payment <id> was not found after <n> attempts in <n> ms",
  ],
  [
    "the charge pi_3QxAb12Cd was captured at 2026-11-23T12:00:00.123Z, not 2026-11-24",
    "the charge <id> was captured at <time>, not <time>",
  ],
  [
    "body hash 9f86d081884c7d659a2feaa0c55ad015 differs, see order_lines",
    "body hash <id> differs, see order_lines",
  ],
  ["connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED <n>"],
  ["550 ada@example.com: no such user", "<n> (masked): no such user"],
  ["a decade of facades", "a decade of facades"],
  ["", ""],
];

test.each(ERRORS)("%p is %p", (error, fingerprint) => {
  expect(fingerprintOf(error)).toBe(fingerprint);
});

test("the longest common part is in every error of the fingerprint", () => {
  for (const [error, fingerprint] of ERRORS) expect(error).toContain(commonPartOf(fingerprint) ?? "");
  expect(commonPartOf(ERRORS[0]?.[1] ?? "")).toBe("was not found after");
  expect(commonPartOf("<n>: <id>")).toBeUndefined();
});

test("a long error is cut, never within an id or a sign", () => {
  expect(fingerprintOf("wrong ".repeat(10_000))).toHaveLength(299);
  const many = (seed: number) => Array.from({ length: 100 }, () => sagaId(seed)).join(" ");
  expect(fingerprintOf(many(1))).toBe(fingerprintOf(many(2)));
  expect(fingerprintOf(`${"y".repeat(298)} ${sagaId(1)}`)).toBe("y".repeat(298));
});
