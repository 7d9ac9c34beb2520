// Compares what a query reads with what the roles register and the rules record. Used by the tests of alert rules and dashboards.
import { readRules, readsOf } from "./alert-rules.ts";
import { readRoleSources, type RegisteredMetric, registeredMetrics } from "./references.ts";

/** Added by Prometheus to every series. */
const TARGET_LABELS = ["job", "instance"];
/** The series that Prometheus makes by itself, with their labels; alerts have those of their rule as well. */
const OWN_SERIES: ReadonlyMap<string, readonly string[]> = new Map([
  ["up", TARGET_LABELS],
  ["ALERTS", ["alertname", "alertstate", "severity", "team"]],
]);

export interface KnownSeries {
  readonly metrics: ReadonlyMap<string, RegisteredMetric>;
  /** Names of recording rules. Ours have no labels. */
  readonly recorded: readonly string[];
}

export async function readKnownSeries(): Promise<KnownSeries> {
  const metrics = await registeredMetrics(await readRoleSources());
  const rules = await readRules();
  return {
    metrics: new Map(metrics.map((metric) => [metric.name, metric])),
    recorded: rules.flatMap(({ record = [] }) => record),
  };
}

/** What `expr` reads, selects or groups by and does not exist; one sentence each, beginning with `place`. */
export function unknownIn(expr: string, place: string, known: KnownSeries): readonly string[] {
  const { selectors, groups } = readsOf(expr);
  const read = new Set<string>();
  const faults = selectors.flatMap(({ name, matchers }) => {
    const labels = labelsOf(name, known);
    if (labels === undefined) return [`${place}: ${name} is not registered`];
    labels.forEach((label) => read.add(label));
    return matchers
      .filter(({ label }) => !labels.has(label))
      .map(({ label }) => `${place}: ${name} has no label ${label}`);
  });
  return [...faults, ...groups.filter((label) => !read.has(label)).map((label) => `${place}: no ${label}`)];
}

function labelsOf(name: string, { metrics, recorded }: KnownSeries): ReadonlySet<string> | undefined {
  if (recorded.includes(name)) return new Set();
  const own = OWN_SERIES.get(name);
  if (own !== undefined) return new Set(own);
  const histogram = metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
  const metric = metrics.get(name) ?? (histogram?.type === "histogram" ? histogram : undefined);
  if (metric === undefined) return undefined;
  return new Set([...metric.labels, ...TARGET_LABELS, ...(name.endsWith("_bucket") ? ["le"] : [])]);
}
