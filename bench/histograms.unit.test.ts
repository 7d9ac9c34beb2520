// Histograms of known values, and their sums.
import { expect, test } from "bun:test";
import { addUp, curveOf, latenciesOf, median } from "./histograms.ts";

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("percentiles are exact to three digits", () => {
  const { count, p50, p99, max, mean } = latenciesOf(upTo(1, 10_000));
  expect([count, max > 9_990 && max < 10_010]).toEqual([10_000, true]);
  expect(p50 / 5_000).toBeCloseTo(1, 2);
  expect(p99 / 9_900).toBeCloseTo(1, 2);
  expect(mean / 5_000.5).toBeCloseTo(1, 2);
});

test("the sum of two halves equals the whole", () => {
  const whole = latenciesOf(upTo(1, 1_000));
  const sum = addUp([latenciesOf(upTo(1, 500)), latenciesOf(upTo(501, 1_000)), latenciesOf([])]);
  expect({ ...sum, histogram: "" }).toEqual({ ...whole, histogram: "" });
  expect(curveOf(sum)).toEqual(curveOf(whole));
});

test("without values everything is 0", () => {
  expect(latenciesOf([])).toEqual({
    count: 0,
    mean: 0,
    p50: 0,
    p90: 0,
    p99: 0,
    p999: 0,
    max: 0,
    histogram: "",
  });
  expect(curveOf(latenciesOf([]))).toEqual([]);
});

test("values below a microsecond or above an hour are counted at the limit", () => {
  const { p50, max, count } = latenciesOf([0, 1e9]);
  expect(p50).toBeLessThan(0.01);
  expect(count).toBe(2);
  expect(max).toBe(1e9);
});

test("the median of an even number of values is between the middle two", () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
});
