// promtool parses every query of the dashboards, as the expression of a recording rule.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { promtool } from "../promtool.ts";
import { DASHBOARDS, queriesOf } from "./dashboards.ts";

/** A rule file with one recording rule per query, and what promtool says about it. */
async function checked(queries: readonly string[]) {
  const folder = newDataDirectory("dashboard-queries");
  try {
    const rules = queries.map((expr, index) => ({ record: `dashboard:query:${index}`, expr }));
    await Bun.write(`${folder}/rules.yml`, JSON.stringify({ groups: [{ name: "dashboards", rules }] }));
    return await promtool(folder, "check", "rules", "rules.yml");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("every query of the dashboards is an expression of Prometheus", async () => {
  const queries = DASHBOARDS.flatMap(queriesOf).map(({ expr }) => expr);
  const { code, output } = await checked(queries);
  expect(code, output).toBe(0);
  expect(output).toContain(`${queries.length} rules found`);
});

test("one that is not is found", async () => {
  const { code, output } = await checked(["sum(checkout_outbox_unpublished", "up"]);
  expect(code).not.toBe(0);
  expect(output).toContain("unclosed left parenthesis");
});
