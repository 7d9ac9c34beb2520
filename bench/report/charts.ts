// Charts as self-contained SVG: lines over time, a percentile curve, bars. Colours come from the page's style sheet, for light and dark
// mode. Pure.
import { figure, html, type Markup } from "./markup.ts";

const WIDTH = 720;
const HEIGHT = 250;
const MARGIN = { top: 12, right: 22, bottom: 42, left: 58 } as const;
const INNER = {
  width: WIDTH - MARGIN.left - MARGIN.right,
  height: HEIGHT - MARGIN.top - MARGIN.bottom,
} as const;

export interface Series {
  readonly name: string;
  /** A colour number of the style sheet, 1 to 7. */
  readonly colour: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isFaint?: boolean;
}

export interface LineChart {
  readonly title: string;
  readonly unit: string;
  readonly xUnit: string;
  readonly series: readonly Series[];
  /** Labelled positions, for example the end of the load. */
  readonly xMarks?: readonly { readonly x: number; readonly label: string }[];
  readonly yMark?: { readonly y: number; readonly label: string };
  /** For data with a few large values that would flatten everything else. */
  readonly isLogarithmic?: boolean;
  /** Custom labels instead of round numbers. */
  readonly xTicks?: readonly { readonly x: number; readonly label: string }[];
}

export function lineChart(chart: LineChart): Markup {
  const points = chart.series.flatMap(({ points: of }) => of);
  if (points.length === 0) return html`<p class="none">${chart.title}: nothing was measured.</p>`;
  const scale = scaleOf(chart, points);
  const { x, y, yTicks, xTicks } = scale;
  const mark = chart.yMark !== undefined && scale.holds(chart.yMark.y) ? chart.yMark : undefined;
  const readable = JSON.stringify({
    unit: chart.unit,
    xUnit: chart.xUnit,
    left: MARGIN.left,
    series: chart.series.map(({ name, colour, points: of }) => ({
      name,
      colour,
      points: of.map(([at, value]) => [Math.round(x(at) * 10) / 10, at, value]),
    })),
  });
  return html`<figure class="chart" data-chart="${readable}">
    <figcaption>
      ${chart.title}
      <span class="unit">${chart.unit}${chart.isLogarithmic === true ? ", logarithmic" : ""}</span>
    </figcaption>
    <div class="legend">
      ${chart.series.map(({ name, colour }) => html`<span><i class="swatch c${colour}"></i>${name}</span>`)}
    </div>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${chart.title}">
      <g class="grid">
        ${yTicks.map((tick) => html`<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}" />`)}
      </g>
      <g class="axis">
        ${yTicks.map((tick) => html`<text x="${MARGIN.left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick.toLocaleString("en-US")}</text>`)}
        ${xTicks.map(({ x: at, label }) => html`<text x="${x(at)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${label}</text>`)}
        <text class="unit" x="${WIDTH - MARGIN.right}" y="${HEIGHT - 2}" text-anchor="end">
          ${chart.xUnit}
        </text>
      </g>
      ${(chart.xMarks ?? []).map(({ x: at, label }) => html`<line class="mark" x1="${x(at)}" x2="${x(at)}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" /><text class="mark" x="${x(at) + 4}" y="${MARGIN.top + 10}">${label}</text>`)}
      ${mark === undefined ? null : html`<line class="mark" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(mark.y)}" y2="${y(mark.y)}" /><text class="mark" x="${WIDTH - MARGIN.right}" y="${y(mark.y) - 4}" text-anchor="end">${mark.label}</text>`}
      ${chart.series.map(({ colour, points: of, isFaint }) => html`<path class="line c${colour}${isFaint === true ? " faint" : ""}" d="${pathOf(of, x, y)}" />`)}
      <line class="cursor" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" />
    </svg>
    <div class="readout" hidden></div>
  </figure>`;
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** A colour number of the style sheet; ours and the outside parties' differ. */
  readonly colour: number;
  readonly note?: string;
}

/** Horizontal bars with their figures, in the given order. */
export function barList(bars: readonly Bar[], unit: string): Markup {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  return html`<div class="bars">
    ${bars
      .filter(({ value }) => value > 0)
      .map(
        ({ name, value, colour, note }) =>
          html`<div class="bar">
            <span class="name">${name}</span
            ><span class="track"
              ><span class="fill c${colour}" style="width:${percent(value / most)}"></span></span
            ><span class="value"
              >${figure(value)} ${unit}${note === undefined ? null : html` <small>${note}</small>`}</span
            >
          </div>`,
      )}
  </div>`;
}

/** A bar from `from` to `until` on a track of length `whole`. */
export function span(from: number, until: number, whole: number, colour: number): Markup {
  const [start, length] = [Math.max(0, from) / whole, Math.max(0, until - Math.max(0, from)) / whole];
  return html`<span class="track"
    ><span
      class="fill c${colour}"
      style="margin-left:${percent(start)};width:max(2px, ${percent(length)})"
    ></span
  ></span>`;
}

function scaleOf(chart: LineChart, points: readonly (readonly [number, number])[]) {
  const xs = points.map(([x]) => x);
  const [minX, maxX] = [Math.min(...xs), Math.max(...xs)];
  const values = points.map(([, y]) => y).filter(Number.isFinite);
  const top = Math.max(...values, 1e-9) * 1.05;
  const bottom =
    chart.isLogarithmic === true
      ? Math.max(0.1, Math.min(...values.filter((y) => y > 0), top / 10) * 0.8)
      : 0;
  const depth = (y: number) =>
    chart.isLogarithmic === true
      ? Math.log(Math.max(y, bottom) / bottom) / Math.log(top / bottom)
      : (y - bottom) / (top - bottom);
  const fixed = (value: number) => Math.round(value * 10) / 10;
  return {
    x: (x: number) => fixed(MARGIN.left + (INNER.width * (x - minX)) / Math.max(1e-9, maxX - minX)),
    y: (y: number) => fixed(MARGIN.top + INNER.height * (1 - depth(y))),
    holds: (y: number) => y >= bottom && y <= top,
    yTicks: chart.isLogarithmic === true ? decades(bottom, top) : roundTicks(bottom, top, 4),
    xTicks: chart.xTicks ?? roundTicks(minX, maxX, 8).map((x) => ({ x, label: x.toLocaleString("en-US") })),
  };
}

/** About `about` round numbers between `from` and `until`. */
export function roundTicks(from: number, until: number, about: number): readonly number[] {
  const raw = (until - from) / about;
  if (!(raw > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw) ?? raw;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(until / step + 1e-9);
  // Round, because the last digits of the product are noise.
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

/** 1, 2 and 5 times the powers of ten between `from` and `until`; fewer over a large range. */
function decades(from: number, until: number): readonly number[] {
  const powers = Array.from({ length: 12 }, (_, index) => 10 ** (index - 2));
  const wanted = until / from > 1_000 ? [1] : until / from > 50 ? [1, 3] : [1, 2, 5];
  return powers
    .flatMap((power) => wanted.map((factor) => factor * power))
    .filter((tick) => tick >= from && tick <= until);
}

function pathOf(
  points: readonly (readonly [number, number])[],
  x: (x: number) => number,
  y: (y: number) => number,
): string {
  return points
    .filter(([, value]) => Number.isFinite(value))
    .map(([at, value], index) => `${index === 0 ? "M" : "L"}${x(at)} ${y(value)}`)
    .join("");
}

function percent(share: number): string {
  return `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`;
}
