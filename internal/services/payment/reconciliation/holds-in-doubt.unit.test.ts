// How many holds in doubt a run looks up, and which ones.
import { expect, test } from "bun:test";
import { HoldsInDoubt, MAX_HOLDS_IN_DOUBT } from "./holds-in-doubt.ts";

const ids = (from: number, count: number) => Array.from({ length: count }, (_, at) => `hold ${from + at}`);

test("a run looks up a limited number over all its pages, the first ones, and counts the rest", () => {
  const holds = new HoldsInDoubt();
  const pages = [ids(0, 400), ids(400, 400), ids(800, 400)];
  expect(pages.flatMap((page) => holds.ofPage(page))).toEqual(pages.flat().slice(0, MAX_HOLDS_IN_DOUBT));
  expect(holds.left).toBe(1_200 - MAX_HOLDS_IN_DOUBT);
});

test("none is left as long as there is room", () => {
  const holds = new HoldsInDoubt();
  expect(holds.ofPage(ids(0, MAX_HOLDS_IN_DOUBT))).toHaveLength(MAX_HOLDS_IN_DOUBT);
  expect(holds.ofPage([])).toEqual([]);
  expect(holds.left).toBe(0);
});
