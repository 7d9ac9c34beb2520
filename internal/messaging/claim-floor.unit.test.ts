// A claim scans the dead entries of an old snapshot only now and then, and still finds every row in the end.
import { expect, test } from "bun:test";
import { ClaimFloor } from "./claim-floor.ts";

const NOW = Date.UTC(2026, 10, 28);

test("before the first claimed row it scans from the beginning", () => {
  const floor = new ClaimFloor();
  expect(floor.next(0)).toBe(0);
  floor.claimed({ from: 0, oldest: undefined, startedAt: 0, endedAt: 1_000 });
  expect(floor.next(1_001)).toBe(0);
});

test("a slow full scan is not repeated at once", () => {
  const floor = new ClaimFloor();
  floor.claimed({ from: 0, oldest: NOW, startedAt: 0, endedAt: 500 });
  expect(floor.next(501)).toBe(NOW - 10_000);
  // A claim from the floor is cheap and does not delay the next full scan.
  floor.claimed({ from: NOW - 10_000, oldest: NOW + 400, startedAt: 900, endedAt: 901 });
  expect(floor.next(10_499)).toBe(NOW - 10_000);
  expect(floor.next(10_500)).toBe(0);
});

test("a scan that seemed to take long, because the machine stood still, is repeated after half a minute", () => {
  const floor = new ClaimFloor();
  floor.claimed({ from: 0, oldest: NOW, startedAt: 0, endedAt: 10_000 });
  expect(floor.next(39_999)).toBe(NOW - 10_000);
  expect(floor.next(40_000)).toBe(0);
});

test("when the database may be another one, the next scan is a full one", () => {
  const floor = new ClaimFloor();
  floor.claimed({ from: 0, oldest: NOW, startedAt: 0, endedAt: 10_000 });
  floor.forget();
  expect(floor.next(10_001)).toBe(0);
});

test("a full scan that took no time is repeated at once", () => {
  const floor = new ClaimFloor();
  floor.claimed({ from: 0, oldest: NOW, startedAt: 5, endedAt: 5 });
  expect(floor.next(5)).toBe(0);
});

test("the floor follows the claimed rows, and goes back for rows of a slow clock", () => {
  const floor = new ClaimFloor();
  const claim = (oldest: number, at: number) =>
    floor.claimed({ from: 0, oldest, startedAt: at - 1_000, endedAt: at });
  claim(NOW, 1_000);
  claim(NOW + 10_000, 11_000);
  claim(NOW + 20_000, 21_000);
  expect(floor.next(21_001)).toBe(NOW);
  // A full scan found a replica whose clock is a minute behind: its next event is found without one.
  claim(NOW - 40_000, 21_500);
  expect(floor.next(21_501)).toBe(NOW - 50_000);
  claim(NOW + 30_000, 31_000);
  claim(NOW + 40_000, 41_000);
  claim(NOW + 50_000, 51_000);
  expect(floor.next(51_001)).toBe(NOW + 30_000);
});
