import { expect, test } from "bun:test";
import { failsTooOften, MAX_REPLAY_BATCH, nextBatch, pauseAfter } from "./ramp.ts";

function sizes(batches: number, ratePerSecond: number): number[] {
  const all: number[] = [];
  while (all.length < batches) all.push(nextBatch(all.at(-1) ?? 0, ratePerSecond));
  return all;
}

test("the first message goes alone, then batches double up to one second of messages", () => {
  expect(sizes(7, 20)).toEqual([1, 2, 4, 8, 16, 20, 20]);
});

test("a slow rate sends one message at a time, a fast one at most MAX_REPLAY_BATCH", () => {
  expect(sizes(3, 0.5)).toEqual([1, 1, 1]);
  expect(sizes(12, 1_000_000).at(-1)).toBe(MAX_REPLAY_BATCH);
});

test("the pause after a batch keeps the rate", () => {
  expect(pauseAfter(20, 300, 20)).toBe(700);
  expect(pauseAfter(1, 0, 0.5)).toBe(2_000);
  expect(pauseAfter(1, 5_000, 20)).toBe(0);
});

test("a failed first message stops the run, unless the error limit allows it", () => {
  expect(failsTooOften(1, 1, 0.1)).toBe(true);
  expect(failsTooOften(1, 1, 1)).toBe(false);
  expect(failsTooOften(10, 1, 0.1)).toBe(false);
  expect(failsTooOften(10, 2, 0.1)).toBe(true);
  expect(failsTooOften(0, 0, 0)).toBe(false);
});
