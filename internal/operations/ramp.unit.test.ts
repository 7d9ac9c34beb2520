import { expect, test } from "bun:test";
import { estimateMs, failsTooOften, MAX_BATCH, nextBatch, pauseAfter, upToPause } from "./ramp.ts";

function sizes(batches: number, ratePerSecond: number): number[] {
  const all: number[] = [];
  while (all.length < batches) all.push(nextBatch(all.at(-1) ?? 0, ratePerSecond));
  return all;
}

test("the first item goes alone, then batches grow up to one second of items", () => {
  expect(sizes(8, 1_000)).toEqual([1, 2, 5, 20, 50, 100, 200, 200]);
  expect(sizes(5, 30)).toEqual([1, 2, 5, 20, 30]);
  // After the rate was changed in between.
  expect([nextBatch(30, 1_000), nextBatch(100, 10)]).toEqual([50, 10]);
});

test("the estimate follows the ramp and the rate", () => {
  expect(estimateMs(0, 20)).toBe(0);
  // The last batch is followed by no pause.
  expect(estimateMs(1, 0.5)).toBe(300);
  expect(estimateMs(3, 0.5)).toBe(4_300);
  expect(estimateMs(300, 20)).toBeGreaterThan(14_000);
  expect(estimateMs(300, 20)).toBeLessThan(17_000);
});

test("a slow rate sends one item at a time, a fast one at most MAX_BATCH", () => {
  expect(sizes(3, 0.5)).toEqual([1, 1, 1]);
  expect(sizes(12, 1_000_000).at(-1)).toBe(MAX_BATCH);
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

test("a batch does not go beyond the pause that was asked for", () => {
  expect(upToPause(50, null, 100)).toBe(50);
  expect(upToPause(50, 150, 100)).toBe(50);
  expect(upToPause(50, 150, 128)).toBe(22);
  // What an executor that died has left is done already: the pause follows at once.
  expect(upToPause(50, 150, 150)).toBe(1);
});
