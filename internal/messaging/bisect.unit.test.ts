import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { bisect } from "./bisect.ts";

class Poison extends Error {}

/** Applies parts that hold no poison item, like a transaction; counts the attempts. */
function transaction(poison: ReadonlySet<number>) {
  const applied: number[] = [];
  let attempts = 0;
  return {
    applied,
    attempts: () => attempts,
    async apply(part: readonly number[]) {
      attempts += 1;
      const found = part.find((item) => poison.has(item));
      if (found !== undefined) throw new Poison(String(found));
      applied.push(...part);
    },
    isPoison: (error: unknown) => error instanceof Poison,
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("bisect", () => {
  test("a batch without poison takes one attempt, an empty batch takes none", async () => {
    const attempt = transaction(new Set());
    expect(await bisect(numbers(2_000), attempt)).toEqual([]);
    expect(attempt.attempts()).toBe(1);
    expect(await bisect([], attempt)).toEqual([]);
    expect(attempt.attempts()).toBe(1);
  });

  test("one poison message among 2,000 is found in about 2 log2(n) attempts", async () => {
    const attempt = transaction(new Set([1_234]));
    const failures = await bisect(numbers(2_000), attempt);
    expect(failures.map(({ item }) => item)).toEqual([1_234]);
    expect(attempt.attempts()).toBeLessThanOrEqual(23);
  });

  test("exactly the poison items fail, and all others are applied in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 60 }), fc.array(fc.nat(60)), async (count, marks) => {
        const poison = new Set(marks.filter((mark) => mark < count));
        const attempt = transaction(poison);
        const failures = await bisect(numbers(count), attempt);
        expect(failures.map(({ item }) => item)).toEqual(numbers(count).filter((item) => poison.has(item)));
        expect(attempt.applied).toEqual(numbers(count).filter((item) => !poison.has(item)));
        expect(attempt.attempts()).toBeLessThanOrEqual(Math.max(1, 2 * count));
      }),
    );
  });

  test("a slow error ends the search after maxCuts splits, and the part that is left fails whole", async () => {
    const attempt = transaction(new Set([13]));
    const failures = await bisect(numbers(16), { ...attempt, maxCuts: () => 2 });
    expect(failures.map(({ item }) => item)).toEqual([12, 13, 14, 15]);
    expect(attempt.applied).toEqual(numbers(12));
    expect(attempt.attempts()).toBe(5);
  });

  test("an error that the messages do not cause ends the attempt", async () => {
    const away = new Error("the database is unavailable");
    const attempt = { apply: () => Promise.reject(away), isPoison: () => false };
    const outcome = await bisect(numbers(4), attempt).catch((error: unknown) => error);
    expect(outcome).toBe(away);
  });
});
