// The files in deploy/grafana are what the code describes; the dashboards read metrics that exist and lead to sections of the runbook.
// promtool parses their queries in dashboards.int.test.ts.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { REPOSITORY } from "../../stack/paths.ts";
import { readRules, readsOf } from "../alert-rules.ts";
import { readKnownSeries, unknownIn } from "../known-series.ts";
import { anchorsOf } from "../markdown.ts";
import { buildDashboard } from "./dashboard.ts";
import { contentOf, DASHBOARDS, fileOf, queriesOf } from "./dashboards.ts";

const known = await readKnownSeries();
const panels = DASHBOARDS.flatMap(({ rows }) => rows).flatMap(({ panels: own }) => own);

test.each(DASHBOARDS.map((dashboard) => [dashboard.uid, dashboard] as const))(
  "%s is fresh; `bun run dashboards` writes it",
  async (_, dashboard) => {
    expect(await Bun.file(fileOf(dashboard)).text()).toBe(contentOf(dashboard));
  },
);

test("no file in the folder is left over", async () => {
  const folder = join(REPOSITORY, "deploy/grafana/dashboards");
  const files = [...new Bun.Glob("*").scanSync(folder)].map((file) => join(folder, file));
  expect(files.toSorted()).toEqual(DASHBOARDS.map(fileOf).toSorted());
});

test("every series, label and group of every query exists", () => {
  const queries = DASHBOARDS.flatMap(queriesOf);
  expect(queries.length).toBeGreaterThan(80);
  expect(queries.flatMap(({ place, expr }) => unknownIn(expr, place, known))).toEqual([]);
  // What is left of a variable that Grafana would fill in.
  expect(queries.filter(({ expr }) => expr.includes("$"))).toEqual([]);
});

test("a legend only names labels that its query keeps", () => {
  const faults = panels.flatMap(({ title, queries }) =>
    queries.flatMap(({ expr, legend }) => {
      const kept = new Set(
        Array.from(expr.matchAll(/\bby \(([^)]*)\)/g), ([, labels = ""]) => labels.split(/, */)).flat(),
      );
      // Without an aggregation a series keeps all its labels.
      if (!/\b(sum|max|min|count)\b/.test(expr)) return [];
      return Array.from(legend.matchAll(/\{\{(\w+)\}\}/g), ([, label = ""]) => label)
        .filter((label) => !kept.has(label))
        .map((label) => `${title}: ${label}`);
    }),
  );
  expect(faults).toEqual([]);
});

test("every panel says what it shows and leads to a section of the runbook that exists", async () => {
  const anchors = anchorsOf(await Bun.file(join(REPOSITORY, "docs/runbook.md")).text());
  expect(panels.filter(({ runbook }) => !anchors.has(runbook)).map(({ title }) => title)).toEqual([]);
  expect(panels.filter(({ about }) => !about.endsWith(".")).map(({ title }) => title)).toEqual([]);
});

test("exemplars are asked for exactly where a histogram may have them", () => {
  const asking = panels.flatMap(({ queries }) => queries).filter(({ exemplars }) => exemplars === true);
  const histograms = new Set(asking.map(({ expr }) => /checkout_\w+_bucket/.exec(expr)?.[0]));
  expect(histograms).toEqual(
    new Set([
      "checkout_saga_duration_seconds_bucket",
      "checkout_payment_provider_request_duration_seconds_bucket",
      "checkout_http_request_duration_seconds_bucket",
    ]),
  );
});

test("panels have different numbers, a data source that the reader chooses, and places that do not overlap", () => {
  for (const dashboard of DASHBOARDS) {
    const { panels: built = [], uid, links = [] } = buildDashboard(dashboard);
    expect(uid).toBe(dashboard.uid);
    expect(new Set(built.map(({ id }) => id)).size).toBe(built.length);
    const cells = built.flatMap((panel) => {
      const { x, y, w, h } = panel.gridPos ?? { x: 0, y: 0, w: 0, h: 0 };
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    const text = contentOf(dashboard);
    expect(new Set(Array.from(text.matchAll(/"uid": "([^"]+)"/g), ([, it]) => it))).toEqual(
      new Set([dashboard.uid, "${datasource}"]),
    );
    expect(links.map(({ url }) => url)).toContain("${console}");
  }
});

test("what an operator watches is on a dashboard: every metric of an alert rule is shown", async () => {
  const shown = DASHBOARDS.flatMap(queriesOf)
    .map(({ expr }) => expr)
    .join("\n");
  const alerted = (await readRules()).flatMap(({ expr }) => readsOf(expr).selectors.map(({ name }) => name));
  const unseen = new Set(alerted.filter((name) => !name.includes(":") && !shown.includes(name)));
  expect([...unseen]).toEqual([]);
});
