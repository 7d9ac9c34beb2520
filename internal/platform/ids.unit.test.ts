// Order and time of ids when the clock changes.
import { expect, test } from "bun:test";
import { idSource } from "./ids.ts";

const HOUR_MS = 60 * 60 * 1_000;
const timeOf = (id: string) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);

function clockAt(time: number) {
  const clock = { time, now: () => clock.time };
  return clock;
}

test("ids increase, also within one millisecond and after a small step back", () => {
  const clock = clockAt(Date.now());
  const newId = idSource(clock);
  const ids = [0, 0, 0, 5, -300, 0, 10].map((offset) => {
    clock.time += offset;
    return newId();
  });
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
});

test("ids follow the clock when a fast clock is corrected", () => {
  const clock = clockAt(Date.now());
  const newId = idSource(clock);
  clock.time += HOUR_MS;
  expect(timeOf(newId())).toBe(clock.time);
  clock.time -= HOUR_MS;
  expect(Math.abs(timeOf(newId()) - clock.time)).toBeLessThanOrEqual(1);
});
