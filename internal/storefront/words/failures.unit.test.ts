// Every kind of failure has a sentence in each language, and both languages have the same texts.
import { expect, test } from "bun:test";
import { FAILURE_CODES, failureKind } from "../../../schemas/failures.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";

test("every failure has a title and a text in each language", () => {
  for (const kind of new Set(FAILURE_CODES.map(failureKind))) {
    for (const { status } of [en, de]) {
      expect(status.failures[kind].title.length).toBeGreaterThan(5);
      expect(status.failures[kind].text).toEndWith(".");
    }
  }
});

test("both languages have the same texts", () => {
  expect(shapeOf(de)).toEqual(shapeOf(en));
});

function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shapeOf(part)]));
}
