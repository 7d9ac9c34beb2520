// Every exchange walks through a page of the runbook, and every secret has one.
import { expect, test } from "bun:test";
import { SECRET_NAMES, SETTING_NAMES } from "../../platform/misspelt.ts";
import { EXCHANGES, NOT_DRILLED } from "./exchanges.ts";

test("each names a section of the runbook", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../../docs/runbook.md`).text();
  const titles = new Set(Array.from(page.matchAll(/^#+ (.*)$/gm), ([, title = ""]) => title));
  expect(EXCHANGES.map((one) => one.page).filter((title) => !titles.has(title))).toEqual([]);
});

test("no two have the same name", () => {
  expect(new Set(EXCHANGES.map(({ name }) => name)).size).toBe(EXCHANGES.length);
});

test("every secret setting is exchanged, or there is a reason why not", () => {
  const exchanged = EXCHANGES.flatMap(({ settings }) => settings);
  expect(exchanged.filter((name) => !SETTING_NAMES.includes(name))).toEqual([]);
  expect(new Set(exchanged).size).toBe(exchanged.length);
  const left = SECRET_NAMES.filter((name) => !exchanged.includes(name));
  expect(left.toSorted()).toEqual(Object.keys(NOT_DRILLED).toSorted());
});
