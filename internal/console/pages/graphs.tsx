// The last hour as pictures, each with the same figures as a table. Pictures are drawn in the browser (client/graphs.js); without scripts the
// tables are what one sees. The figures of a picture travel with its table, so that one stream keeps both.
import { countText } from "../../kernel/counted.ts";
import { assets } from "../assets.ts";
import { type Chart, type ChartId, CHARTS, type Unit } from "../charts.ts";
import type { Point } from "../history.ts";
import { Page } from "../parts/layout.tsx";
import { When } from "../parts/when.tsx";
import { GRAPH_STYLE_SHEET } from "../style-sheet.ts";
import type { Frame } from "../visit.ts";

const MINUTE_MS = 60_000;
/** What these mean elsewhere they mean here. */
const MEANINGS: Readonly<Record<string, string>> = { COMPLETED: "--good", COMPENSATED: "--bad" };
/** Of styles/graphs.css: those that mean nothing. */
const COLORS = 10;
/** Lines differ also by dash, so that nobody needs to see the colours. */
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

export function Graphs({ frame, points }: { readonly frame: Frame; readonly points: readonly Point[] }) {
  const { nonce } = frame;
  return (
    <Page
      frame={frame}
      title="Graphs"
      current="graphs"
      live="/graphs/events"
      head={
        <>
          <style nonce={nonce} dangerouslySetInnerHTML={{ __html: GRAPH_STYLE_SHEET }} />
          <script defer nonce={nonce} src={assets.uplot.path} integrity={assets.uplot.integrity} />
          <script type="module" nonce={nonce} src={assets.graphs.path} integrity={assets.graphs.integrity} />
        </>
      }
    >
      <div class="page-head">
        <h1>The last hour</h1>
        <p class="soft small">
          a point every ten seconds since this console started; a gap is a time of which nothing is known
        </p>
      </div>
      <div class="columns">
        {CHARTS.map((chart) => (
          <ChartCard key={chart.id} chart={chart} points={points} />
        ))}
      </div>
    </Page>
  );
}

function ChartCard({ chart, points }: { readonly chart: Chart; readonly points: readonly Point[] }) {
  const { id, title, about, unit, href } = chart;
  return (
    <section class="card" aria-labelledby={`${id}-title`}>
      <div class="card-head">
        <h2 id={`${id}-title`}>{title}</h2>
        <p class="small soft">
          {unit === "ms" ? "ms, " : null}
          {about}; <a href={href}>more</a>
        </p>
      </div>
      <div
        class="plot"
        data-plot={partId(id)}
        data-unit={unit}
        role="img"
        aria-label={`${title} in the last hour; the table below has the figures`}
      />
      {/* The script closes it once the picture is there. */}
      <details class="small" open data-behind={partId(id)}>
        <summary>As a table</summary>
        <div id={partId(id)}>
          <ChartTable chart={chart} points={points} />
        </div>
      </details>
    </section>
  );
}

export function partId(id: ChartId): string {
  return `g-${id}`;
}

/** The newest point of each minute, the newest minute first. With all points for the picture. */
export function ChartTable({ chart, points }: { readonly chart: Chart; readonly points: readonly Point[] }) {
  const { id, title, unit } = chart;
  const names = seriesOf(points, id);
  const minutes = Map.groupBy(points, ({ at }) => Math.floor(at / MINUTE_MS) * MINUTE_MS);
  return (
    <div data-points={JSON.stringify(drawn(points, id, names))}>
      {names.length === 0 ? (
        <p class="soft">Nothing is known yet.</p>
      ) : (
        <div class="scrolls" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Minute</th>
                {names.map((name) => (
                  <th key={name} scope="col" class="right">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {[...minutes].toReversed().map(([minute, inIt]) => (
                <tr key={minute}>
                  <th scope="row">
                    <When at={minute} show="minute" />
                  </th>
                  {names.map((name) => (
                    <td key={name} class="right">
                      {valueText(inIt.at(-1)?.values[id][name], unit)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function valueText(value: number | undefined, unit: Unit) {
  if (value === undefined) return <span class="soft">unknown</span>;
  return unit === "count" ? countText(value) : value.toFixed(value < 10 ? 2 : 0);
}

/** In the order in which they first came. */
function seriesOf(points: readonly Point[], id: ChartId): readonly string[] {
  return [...new Set(points.flatMap(({ values }) => Object.keys(values[id])))];
}

/** As uPlot wants it: seconds, and a list of values of each series. */
function drawn(points: readonly Point[], id: ChartId, names: readonly string[]) {
  return {
    at: points.map(({ at }) => Math.round(at / 1_000)),
    series: names.map((name, index) => ({
      name,
      ...lookOf(name, index),
      values: points.map(({ values }) => values[id][name] ?? null),
    })),
  };
}

/** No two lines of a picture look the same. */
function lookOf(name: string, index: number) {
  return {
    color: MEANINGS[name] ?? `--series-${(index % COLORS) + 1}`,
    dash: DASHES[(index + Math.floor(index / COLORS)) % DASHES.length] ?? [],
  };
}
