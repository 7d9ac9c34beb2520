// The dark colours are the same by choice and by the device.
import { expect, test } from "bun:test";
import { GRAPH_STYLE_SHEET, STYLE_SHEET } from "./style-sheet.ts";

test.each([
  ["pages", STYLE_SHEET, "--page:"],
  ["pictures", GRAPH_STYLE_SHEET, "--series-1:"],
])("%s have them once for each", (_, sheet, color) => {
  const [, chosen = ""] = /\[data-theme="dark"\]\{([^}]*)\}/.exec(sheet) ?? [];
  expect(chosen).toContain(color);
  expect(sheet.split(`@media (prefers-color-scheme:dark){[data-theme="auto"]{${chosen}}}`).length).toBe(2);
  expect(sheet.split(chosen).length).toBe(3);
});
