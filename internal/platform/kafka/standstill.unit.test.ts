import { expect, test } from "bun:test";
import { Standstill } from "./standstill.ts";

test("since when a place has not moved although messages wait", () => {
  let now = 100;
  const standstill = new Standstill(() => now);
  const look = (at: number | null, lag: number, place = "a") => standstill.note(place, { at, lag });
  expect(look(5, 3)).toBe(100);
  now = 200;
  // More arrived, and nothing was committed.
  expect(look(5, 4)).toBe(100);
  expect(look(null, 4, "b")).toBe(200);
  now = 300;
  expect(look(6, 4)).toBe(300);
  expect(look(null, 4, "b")).toBe(200);
  now = 400;
  expect(look(10, 0)).toBeNull();
  now = 500;
  // It had read everything in between, at the same offset.
  expect(look(10, 1)).toBe(500);
});
