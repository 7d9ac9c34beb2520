// What counts in a run: arrivals by their intended start, and orders by their end, both in the measured time.
import { expect, test } from "bun:test";
import type { End } from "./ends.ts";
import type { Load } from "./load.ts";
import { ordersOf, secondsOf } from "./run.ts";

const done = (completedAt: number, status = "COMPLETED"): End => ({
  status,
  createdAt: 0,
  completedAt,
  failedAt: undefined,
});

const placedAt = (intendedAt: number) => ({ intendedAt, acceptedAt: intendedAt + 20, shopper: 0 });

/** The measured time is from 10,000 to 12,000. */
const LOAD: Load = {
  startedAt: 9_000,
  from: 10_000,
  until: 12_000,
  placed: new Map([
    ["ramp-up", placedAt(9_500)],
    ["first", placedAt(10_000)],
    ["second", placedAt(11_200)],
    ["open", placedAt(11_500)],
  ]),
  refusals: new Map([["409 no", 2]]),
  doubled: 0,
  reads: [],
  readsFailed: 0,
  cpuMs: new Map(),
  driverCpuMs: 0,
};
const ENDS = new Map<string, End>([
  ["ramp-up", done(10_100, "COMPENSATED")],
  ["first", done(10_900)],
  ["second", done(12_050)],
  ["open", { ...done(0), status: "STARTED", completedAt: undefined }],
]);

test("arrivals count by their intended start, orders by their end", () => {
  expect(ordersOf(LOAD, ENDS)).toMatchObject({
    placed: 4,
    placedPerSecond: 1.5,
    refused: 2,
    finished: 2,
    ordersPerSecond: 1,
    completed: 1,
    compensated: 1,
    unfinished: 1,
  });
});

test("rows per second include the ramp-up before 0 and the drain after the end", () => {
  const rows = secondsOf(LOAD, ENDS, false).map(({ at, placed, finished, p50, acceptedP99 }) => [
    at,
    placed,
    finished,
    p50,
    acceptedP99,
  ]);
  expect(rows).toEqual([
    [-1, 1, 0, 600, 20],
    [0, 1, 2, 900, 20],
    [1, 2, 0, 850, 20],
    [2, 0, 1, null, null],
  ]);
});

test("checkouts that came at once count by the time of their answer and end", () => {
  const atOnce = {
    ...LOAD,
    placed: new Map([["second", { intendedAt: 10_000, acceptedAt: 11_500, shopper: 0 }]]),
  };
  const rows = secondsOf(atOnce, new Map([["second", done(12_050)]]), true);
  expect(
    rows.map(({ at, placed, finished, p50, acceptedP99 }) => [at, placed, finished, p50, acceptedP99]),
  ).toEqual([
    [0, 1, 0, null, null],
    [1, 0, 0, null, 1_500],
    [2, 0, 1, 2_050, null],
  ]);
});
