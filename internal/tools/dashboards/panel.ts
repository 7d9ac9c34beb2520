// Turns our description of a panel into the builder of Grafana's SDK. The dashboards (overview.ts, services.ts) are lists of such
// descriptions, so that a test can read every query.
import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardLinkBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as GraphBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** Grafana fills in the data source that the reader chose above the dashboard. */
export const DATA_SOURCE: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

export interface Query {
  readonly expr: string;
  /** Grafana's template of the series' names, for example `{{service}}`. */
  readonly legend: string;
  /** Shows sampled traces as points. Only for histograms that record them. */
  readonly exemplars?: boolean;
}

export interface Panel {
  readonly title: string;
  /** What a reader should know; shown at the title. */
  readonly about: string;
  /** Grafana's name of the unit: `s`, `percentunit`, `short`, `bytes`, `ops`. */
  readonly unit: string;
  /** The heading of the runbook, as its anchor. */
  readonly runbook: string;
  readonly queries: readonly Query[];
  /** `number` shows the last value in large digits. Default: `graph`. */
  readonly kind?: "graph" | "number";
  /** Of 24 columns. Default: 8, and 4 for a number. */
  readonly columns?: number;
  readonly stacked?: boolean;
  /** From this value on it is red: the threshold of the alert rule. For a number with `goodAbove`, below it. */
  readonly limit?: number;
  readonly goodAbove?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const GRAPH_HEIGHT = 8;
const NUMBER_HEIGHT = 4;

/** The builder for a panel; `id` is its number in the dashboard. */
export function builderOf(panel: Panel, id: number): GraphBuilder | StatBuilder {
  const builder = panel.kind === "number" ? numberOf(panel) : graphOf(panel);
  builder
    .id(id)
    .title(panel.title)
    .description(panel.about)
    .datasource(DATA_SOURCE)
    .unit(panel.unit)
    .links([
      new DashboardLinkBuilder("Runbook").url(`\${runbook}#${panel.runbook}`).targetBlank(true),
      new DashboardLinkBuilder("Console").url("${console}").targetBlank(true),
    ])
    .targets(panel.queries.map((query, index) => targetOf(query, index, panel.kind === "number")));
  if (panel.limit !== undefined) builder.thresholds(thresholdsOf(panel.limit, panel.goodAbove === true));
  return builder;
}

function targetOf(
  { expr, legend, exemplars = false }: Query,
  index: number,
  isNumber: boolean,
): DataqueryBuilder {
  const target = new DataqueryBuilder()
    .refId(String.fromCodePoint("A".charCodeAt(0) + index))
    .datasource(DATA_SOURCE)
    .expr(expr)
    .legendFormat(legend)
    .exemplar(exemplars);
  return isNumber ? target.instant() : target.range();
}

function graphOf({ columns = 8, stacked = false, limit }: Panel): GraphBuilder {
  const builder = new GraphBuilder()
    .span(columns)
    .height(GRAPH_HEIGHT)
    .min(0)
    .fillOpacity(stacked ? 30 : 8)
    .stacking(new StackingConfigBuilder().mode(stacked ? StackingMode.Normal : StackingMode.None))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    );
  if (limit !== undefined)
    builder.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return builder;
}

function numberOf({ columns = 4, limit }: Panel): StatBuilder {
  return new StatBuilder()
    .span(columns)
    .height(NUMBER_HEIGHT)
    .graphMode(BigValueGraphMode.None)
    .colorMode(limit === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
}

function thresholdsOf(limit: number, goodAbove: boolean): ThresholdsConfigBuilder {
  const [below, above] = goodAbove ? ["red", "green"] : ["green", "red"];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: below ?? "" },
    { value: limit, color: above ?? "" },
  ]);
}
