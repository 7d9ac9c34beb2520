import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { FIRST_ID, firstIdOf, LAST_ID, lastIdOf, timeOfId } from "./time-of-id.ts";

test("the ids of a time lie between its first and its last, and tell it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 2 }), (at) => {
      const id = Bun.randomUUIDv7("hex", at);
      expect([firstIdOf(at), id, lastIdOf(at), firstIdOf(at + 1)].toSorted()).toEqual([
        firstIdOf(at),
        id,
        lastIdOf(at),
        firstIdOf(at + 1),
      ]);
      expect([firstIdOf(at), id, lastIdOf(at)].map(timeOfId)).toEqual([at, at, at]);
    }),
  );
});

test("an id is written as Postgres writes it", () => {
  const at = Date.UTC(2026, 10, 29, 12);
  expect(firstIdOf(at)).toBe("01a2272d-2600-0000-0000-000000000000");
  expect(lastIdOf(at + 0.5)).toBe("01a2272d-2600-ffff-ffff-ffffffffffff");
});

test("a time that no id can carry becomes the nearest one", () => {
  expect([firstIdOf(-1), lastIdOf(2 ** 48)]).toEqual([FIRST_ID, LAST_ID]);
});
