// Builds a dashboard of Grafana from its rows: fixed address, choice of the data source, links, and marks for alerts and restarts. Called
// by dashboards.ts.
import {
  AnnotationQueryBuilder,
  ConstantVariableBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { builderOf, DATA_SOURCE, type Row } from "./panel.ts";

/** Both are rewritten to where they are served: docs/runbook.md, "Dashboards". */
const CONSOLE_URL = "http://localhost:8083";
const RUNBOOK_URL = "https://YOUR.HOST/runbook";
/** On every dashboard of ours, so that each links to the others. */
const TAG = "checkout";

export interface DashboardSpec {
  /** Part of its address in Grafana, so it never changes. */
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  /** True: the reader chooses roles, as `$job` in the queries. */
  readonly choosesRoles: boolean;
  readonly rows: readonly Row[];
}

/** Marks over all graphs. A role that starts again has another start time; with a new version it is a deployment, else perhaps a crash. */
export const MARKS = [
  {
    name: "Alerts",
    expr: 'ALERTS{alertstate="firing",alertname!="Watchdog"}',
    color: "red",
    title: "{{alertname}}",
    text: "{{severity}} {{service}}{{database}}{{provider}}{{role}}",
  },
  {
    name: "Versions",
    expr: "sum by (version) (checkout_build_info) unless sum by (version) (checkout_build_info offset 2m)",
    color: "green",
    title: "{{version}}",
    text: "the first process of this version",
  },
  {
    name: "Restarts",
    expr: 'changes(process_start_time_seconds{job=~"checkout-.+"}[2m]) > 0',
    color: "blue",
    title: "{{job}}",
    text: "{{instance}} was started again",
  },
] as const;

export function buildDashboard({ uid, title, about, choosesRoles, rows }: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(about)
    .tags([TAG])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([
      new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
      ...(choosesRoles ? [roleVariable()] : []),
      new ConstantVariableBuilder("console").label("Console").value(CONSOLE_URL),
      new ConstantVariableBuilder("runbook").label("Runbook").value(RUNBOOK_URL),
    ])
    .links([
      new DashboardLinkBuilder("Dashboards")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .keepTime(true)
        .includeVars(true),
      new DashboardLinkBuilder("Console").url("${console}").targetBlank(true),
      new DashboardLinkBuilder("Runbook").url("${runbook}").targetBlank(true),
    ]);
  for (const mark of MARKS) builder.annotation(markOf(mark));
  let id = 0;
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of row.panels) builder.withPanel(builderOf(panel, ++id));
  }
  return builder.build();
}

function roleVariable(): QueryVariableBuilder {
  return new QueryVariableBuilder("job")
    .label("Role")
    .datasource(DATA_SOURCE)
    .query('label_values(up{job=~"checkout-.+"}, job)')
    .refresh(VariableRefresh.OnDashboardLoad)
    .multi(true)
    .includeAll(true)
    .allValue("checkout-.+")
    .current({ text: ["All"], value: ["$__all"] });
}

function markOf({ name, expr, color, title, text }: (typeof MARKS)[number]): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .target(new DataqueryBuilder().refId("Mark").expr(expr))
    .titleFormat(title)
    .textFormat(text);
}
