import { expect, test } from "bun:test";
import { LockCaution } from "./lock-caution.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");

test("nobody is wary before a wait was in vain", () => {
  expect(new LockCaution().isWary(T0)).toBe(false);
});

test("after each wait in vain for longer, up to a limit; after one that was not, from the start", () => {
  const caution = new LockCaution();
  const waryFor = () => {
    caution.waitedInVain(T0);
    let ms = 0;
    while (caution.isWary(T0 + ms)) ms += 1_000;
    return ms;
  };
  expect([waryFor(), waryFor(), waryFor(), waryFor(), waryFor()]).toEqual([
    2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  caution.wentThrough();
  expect([caution.isWary(T0), waryFor()]).toEqual([false, 2_000]);
});

test("a clock that is set back makes nobody wary until it has caught up", () => {
  const caution = new LockCaution();
  caution.waitedInVain(T0);
  expect(caution.isWary(T0 - 60_000)).toBe(false);
});
