// Every exchange walks through a page of the runbook, and has a name of its own.
import { expect, test } from "bun:test";
import { EXCHANGES } from "./exchanges.ts";

test("each names a section of the runbook", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../../docs/runbook.md`).text();
  const titles = new Set(Array.from(page.matchAll(/^#+ (.*)$/gm), ([, title = ""]) => title));
  expect(EXCHANGES.map((one) => one.page).filter((title) => !titles.has(title))).toEqual([]);
});

test("no two have the same name", () => {
  expect(new Set(EXCHANGES.map(({ name }) => name)).size).toBe(EXCHANGES.length);
});
