// The number of an order: the same for the same id, found again by it, and wrong as soon as somebody mistypes it.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { orderNumberOf, readOrderNumber } from "./order-number.ts";

const ID = "019acffc-1c88-7abc-8def-0123456789ab";
const NUMBER = "5HY80-DD2PF-2DBM";
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const year = (number: number) => Date.UTC(number, 0, 1);
const ids = fc
  .record({
    at: fc.integer({ min: year(2020), max: year(2054) - 1 }),
    rest: fc.stringMatching(/^[0-9a-f]{18}$/),
  })
  .map(({ at, rest }) => {
    const time = at.toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6)}`;
  });

test("an id has one number, in three groups", () => {
  expect(orderNumberOf(ID)).toBe(NUMBER);
});

test("a number is read back as it was, and the id lies in its range of one second", () => {
  fc.assert(
    fc.property(ids, (id) => {
      const number = orderNumberOf(id);
      expect(number).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{4}$/);
      const read = readOrderNumber(number);
      expect(read?.number).toBe(number);
      expect((read?.first ?? "") <= id && id <= (read?.last ?? "")).toBe(true);
      const ms = (uuid = "") => Number.parseInt(uuid.replaceAll("-", "").slice(0, 12), 16);
      expect(ms(read?.last) - ms(read?.first)).toBe(999);
    }),
  );
});

test("later orders have greater numbers, and those of one batch differ", () => {
  const at = Date.UTC(2026, 10, 29, 12);
  const batch = Array.from({ length: 2_000 }, () => orderNumberOf(Bun.randomUUIDv7("hex", at)));
  expect(new Set(batch).size).toBe(2_000);
  const later = orderNumberOf(Bun.randomUUIDv7("hex", at + 1_000));
  expect(batch.every((number) => number < later)).toBe(true);
});

test.each([NUMBER.toLowerCase(), NUMBER.replaceAll("-", ""), ` ${NUMBER.replaceAll("-", " ")} `])(
  "%s is read like the number itself",
  (text) => expect(readOrderNumber(text)?.number).toBe(NUMBER),
);

test("O is read as 0, I and L as 1", () => {
  const number = orderNumberOf("019acffc-1c88-7abc-8def-000000000021");
  expect(number).toContain("0000");
  expect(readOrderNumber(number.replaceAll("0", "O").replaceAll("1", "l"))?.number).toBe(number);
});

test("one wrong character, and two swapped neighbours, make no number", () => {
  const plain = NUMBER.replaceAll("-", "");
  for (let at = 0; at < plain.length; at += 1) {
    for (const other of DIGITS)
      if (other !== plain[at])
        expect(readOrderNumber(plain.slice(0, at) + other + plain.slice(at + 1))).toBeNull();
    const [first = "", second = ""] = [plain[at], plain[at + 1]];
    if (second === "" || first === second || [first, second].toSorted().join("") === "0Z") continue;
    expect(readOrderNumber(plain.slice(0, at) + second + first + plain.slice(at + 2))).toBeNull();
  }
});

test.each(["", "5HY80", `${NUMBER}0`, ID, "5HY80-DD2PF-2DB!", "5HY80-DD2PF-2DBU"])(
  "%p is no number",
  (text) => expect(readOrderNumber(text)).toBeNull(),
);
