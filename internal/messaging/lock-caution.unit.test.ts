import { expect, test } from "bun:test";
import { LockCaution } from "./lock-caution.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");

test("it is not wary before a lock timeout", () => {
  expect(new LockCaution().isWary(T0)).toBe(false);
});

test("it is wary for longer after each lock timeout, up to a limit; a success resets it", () => {
  const caution = new LockCaution();
  let at = T0;
  const waryFor = () => {
    at += 1_000;
    caution.waitedInVain(at - 500, at);
    let ms = 0;
    while (caution.isWary(at + ms)) ms += 1_000;
    return ms;
  };
  expect([waryFor(), waryFor(), waryFor(), waryFor(), waryFor()]).toEqual([
    2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  caution.wentThrough(at + 1);
  expect([caution.isWary(at + 2), waryFor()]).toEqual([false, 2_000]);
});

test("the second of two parallel transactions neither counts again nor resets the first", () => {
  const caution = new LockCaution();
  caution.waitedInVain(T0, T0 + 500);
  caution.waitedInVain(T0, T0 + 501);
  caution.wentThrough(T0);
  expect([caution.isWary(T0 + 2_499), caution.isWary(T0 + 2_500)]).toEqual([true, false]);
});

test("after the clock is set back it is not wary until the next lock timeout", () => {
  const caution = new LockCaution();
  caution.waitedInVain(T0 - 500, T0);
  expect(caution.isWary(T0 - 60_000)).toBe(false);
  caution.waitedInVain(T0 - 60_000, T0 - 59_500);
  expect(caution.isWary(T0 - 59_000)).toBe(true);
});
