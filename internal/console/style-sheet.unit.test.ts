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

test("cards are there for every table on a phone, and for wide ones on a tablet", () => {
  const rules = (width: string, table: string) => {
    const [, rest = ""] = STYLE_SHEET.split(`@media (max-width:${width}){${table} .nowrap{`);
    return rest.slice(0, rest.indexOf("}}"));
  };
  const phone = rules("48rem", ".stacks");
  expect(phone).toContain("{display:flex;justify-content:space-between");
  expect(rules("64rem", ".stacks.is-wide")).toBe(phone.replaceAll(".stacks", ".stacks.is-wide"));
});
