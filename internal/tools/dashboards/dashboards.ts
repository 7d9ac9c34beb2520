// The dashboards of Grafana as they lie in deploy/grafana, and their queries for the tests. `bun run dashboards` writes the files.
import { join } from "node:path";
import { REPOSITORY } from "../../stack/paths.ts";
import { buildDashboard, type DashboardSpec, MARKS } from "./dashboard.ts";
import { OVERVIEW } from "./overview.ts";
import { SERVICES } from "./services.ts";

export const DASHBOARDS_FOLDER = join(REPOSITORY, "deploy/grafana/dashboards");
export const DASHBOARDS: readonly DashboardSpec[] = [OVERVIEW, SERVICES];

export function fileOf({ uid }: DashboardSpec): string {
  return join(DASHBOARDS_FOLDER, `${uid}.json`);
}

/** The file's content, ending with a newline. */
export function contentOf(dashboard: DashboardSpec): string {
  return `${JSON.stringify(buildDashboard(dashboard), null, 2)}\n`;
}

/** Where the query is, and what Prometheus gets from it: Grafana's variables have values of the kind that Grafana fills in. */
export interface PlacedQuery {
  readonly place: string;
  readonly expr: string;
}

export function queriesOf({ title, rows }: DashboardSpec): readonly PlacedQuery[] {
  const ofPanels = rows.flatMap(({ panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map(({ expr }) => ({ place: `${title} / ${panel.title}`, expr })),
    ),
  );
  const ofMarks = MARKS.map(({ name, expr }) => ({ place: `${title} / ${name}`, expr }));
  return [...ofPanels, ...ofMarks].map(({ place, expr }) => ({ place, expr: filledIn(expr) }));
}

function filledIn(expr: string): string {
  return expr
    .replaceAll("$__rate_interval", "5m")
    .replaceAll("$__range", "1h")
    .replaceAll("$job", "checkout-.+");
}
