// Rows become columns of text, and JSON text never contains the separator.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { RECORD_SEPARATOR } from "../kernel/ports.ts";
import { columnText } from "./columns.ts";

test("a column holds its values in the order of the rows, and null as the empty text", () => {
  const rows = [
    { id: "a", note: null },
    { id: "b", note: "late" },
  ];
  expect(columnText(rows, ({ id }) => id).split(RECORD_SEPARATOR)).toEqual(["a", "b"]);
  expect(columnText(rows, ({ note }) => note).split(RECORD_SEPARATOR)).toEqual(["", "late"]);
});

test("no JSON text contains the separator", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      const parts = [value, `${text}${RECORD_SEPARATOR}`];
      expect(JSON.stringify(parts)).not.toContain(RECORD_SEPARATOR);
    }),
  );
});
