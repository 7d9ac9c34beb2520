// Postal codes as people write them, and what cannot be one.
import { expect, test } from "bun:test";
import { isPostalCodeOf } from "./postal-code.ts";

type Case = readonly [country: string, codes: readonly string[]];

const REAL: readonly Case[] = [
  ["DE", ["10117", "D-10117", "DE 10117", " 10117 "]],
  ["GB", ["SW1Y 4JH", "sw1y4jh", "M1 1AE", "BFPO 57", "ASCN 1ZZ"]],
  ["IE", ["D02 X285", "d02x285"]],
  ["JP", ["100-0001", "1000001", "100–0001", "１００－０００１", "〒100-0001", "100ー0001", "100−0001"]],
  ["LT", ["LT-01100", "01100"]],
  ["AD", ["AD500", "500"]],
  ["PL", ["00-950", "00950"]],
  ["NL", ["1012 AB", "1012ab"]],
  ["US", ["78701", "78701-1234"]],
  ["CA", ["K1A 0B1", "k1a0b1"]],
  ["FR", ["75001", "98800", "FR-75001", "F-75001", "75001 CEDEX 08"]],
  ["SE", ["111 22", "S-11122"]],
  ["CZ", ["110 00", "11000"]],
  ["AT", ["1010", "A-1010"]],
  ["BR", ["01310-100", "01310100", "01.310-100"]],
  ["LI", ["9490", "9498"]],
  ["SA", ["12211", "12211-6789"]],
  ["BE", ["1000", "B-1000"]],
  ["IT", ["00118", "I-00118"]],
  ["ES", ["28001", "E-28001"]],
  ["HU", ["1051", "H-1051"]],
  ["FI", ["00100", "FI-00100", "AX-22100"]],
  ["QA", ["anything goes"]],
  ["ZZ", ["1"]],
];
test.each(REAL)("%s: %p", (country, codes) => {
  for (const code of codes) expect([code, isPostalCodeOf(country, code)]).toEqual([code, true]);
});

const WRONG: readonly Case[] = [
  ["DE", ["ABC", "1011", "101177", "D", "10 117 0"]],
  ["US", ["7870", "ABCDE", "SW1Y 4JH"]],
  ["GB", ["10117", "LONDON"]],
  ["FR", ["7500", "ABCDE"]],
  ["JP", ["100", "10000010"]],
  ["NL", ["1012", "AB 1012"]],
  ["PL", ["0-9500-1"]],
];
test.each(WRONG)("%s: not %p", (country, codes) => {
  for (const code of codes) expect([code, isPostalCodeOf(country, code)]).toEqual([code, false]);
});

test("a text without a limit is no postal code, and is not searched", () => {
  expect(isPostalCodeOf("DE", "1".repeat(1_000_000))).toBe(false);
});
