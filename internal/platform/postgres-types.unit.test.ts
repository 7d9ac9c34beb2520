// Lists as Postgres writes and reads them. That it does is in postgres.int.test.ts.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { listText, parseList, TYPES } from "./postgres-types.ts";

const asIs = (text: string) => text;

test("what was written is read, whatever is in it", () => {
  const element = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(null, "", "NULL", "null", "{}", '","', "\\", '\\"', " ", "\n"),
  );
  fc.assert(
    fc.property(fc.array(element), (list) => {
      expect(parseList(listText(list), asIs)).toEqual(list);
    }),
  );
});

test.each([
  ["{}", []],
  ["{1,-2,NULL}", ["1", "-2", null]],
  ['{"a b","NULL","say \\"so\\"",c}', ["a b", "NULL", 'say "so"', "c"]],
])("%s is read", (text, list) => {
  expect(parseList(text, asIs)).toEqual(list);
});

test.each(["{{1},{2}}", "[2:3]={1,2}", "1"])("%s is refused, not misread", (text) => {
  expect(() => parseList(text, asIs)).toThrow("a list from the database has");
});

test("a list with an element that is undefined is a programmer's error", () => {
  expect(() => listText(["a", undefined])).toThrow("undefined element");
});

test("elements are what such a value is alone", () => {
  expect(TYPES.bigints.parse("{1,9007199254740991,NULL}")).toEqual([1, Number.MAX_SAFE_INTEGER, null]);
  expect(() => TYPES.bigints.parse("{9007199254740993}")).toThrow("exceeds 2^53");
  expect(TYPES.booleans.parse("{t,f}")).toEqual([true, false]);
  expect(TYPES.integers.parse("{7}")).toEqual([7]);
});
