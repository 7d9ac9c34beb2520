import { describe, expect, test } from "bun:test";
import { afterFailure } from "./retry-policy.ts";

const MIDDLE = 0.5; // no jitter

describe("after a failure", () => {
  test("a command is retried after 1 s, 5 s and 25 s, then dead-lettered", () => {
    const verdicts = [1, 2, 3, 4].map((failed) => afterFailure(failed, false, MIDDLE));
    expect(verdicts).toEqual([
      { kind: "again", delayMs: 1_000 },
      { kind: "again", delayMs: 5_000 },
      { kind: "again", delayMs: 25_000 },
      { kind: "give-up" },
    ]);
  });

  test("each delay varies by up to 20 % either way", () => {
    expect(afterFailure(2, false, 0)).toEqual({ kind: "again", delayMs: 4_000 });
    expect(afterFailure(2, false, 1 - Number.EPSILON)).toEqual({ kind: "again", delayMs: 6_000 });
  });

  test("a message that is never dead-lettered is retried with growing delays up to the cap", () => {
    const delays = [3, 4, 5, 6, 1_000].map((failed) => afterFailure(failed, true, MIDDLE));
    expect(delays).toEqual(
      [25_000, 50_000, 60_000, 60_000, 60_000].map((delayMs) => ({ kind: "again", delayMs })),
    );
  });
});
