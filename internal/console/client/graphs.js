// Draws the pictures of /graphs with uPlot, which the page loads before this. The figures are beside each picture's table, which console.js
// keeps up to date: when it changes, the picture does. Served as it is.

const HEIGHT_PX = 220;
const html = document.documentElement;

/** @type {{ readonly uPlot?: typeof import("uplot") }} */
const { uPlot: Loaded } = Object(globalThis);
if (Loaded) for (const place of document.querySelectorAll("[data-plot]")) keep(Loaded, place);

/**
 * `color`: the name of a custom property. `dash`: lengths in pixels, drawn and left out by turns; empty for a solid line.
 * @typedef {{ readonly name: string, readonly color: string, readonly dash: number[], readonly values: (number | null)[] }} Line
 * @typedef {{ readonly at: number[], readonly series: Line[] }} Drawn
 */

/** @param {typeof import("uplot")} Plot @param {Element} place */
function keep(Plot, place) {
  if (!(place instanceof HTMLElement)) return;
  const part = document.getElementById(place.dataset["plot"] ?? "");
  const behind = part?.closest("details");
  if (!part || !behind) return;
  behind.open = false;
  /** @type {import("uplot") | null} */
  let plot = null;
  let names = "";
  const draw = () => {
    /** @type {Drawn} */
    const { at, series } = JSON.parse(
      part.querySelector("[data-points]")?.getAttribute("data-points") ?? "{}",
    );
    place.hidden = series.length === 0;
    if (place.hidden) return;
    /** @type {import("uplot").AlignedData} */
    const data = [at, ...series.map(({ values }) => values)];
    const now = JSON.stringify(series.map(({ name }) => name));
    if (plot && now === names) {
      plot.setData(data);
      // Nobody points at a moment: the legend has the newest.
      if (typeof plot.cursor.idx !== "number") plot.setLegend({ idxs: data.map(() => null) });
      return;
    }
    plot?.destroy();
    names = now;
    plot = new Plot(optionsOf(Plot, place, series), data, place);
  };
  draw();
  new MutationObserver(draw).observe(part, { childList: true });
  new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT_PX })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot?.redraw());
}

/**
 * @param {typeof import("uplot")} Plot
 * @param {HTMLElement} place
 * @param {Drawn["series"]} series
 * @returns {import("uplot").Options}
 */
function optionsOf(Plot, place, series) {
  const unit = place.dataset["unit"] === "ms" ? " ms" : "";
  const isUtc = html.dataset["zone"] === "utc";
  const timeOf = (/** @type {number} */ seconds) =>
    isUtc ? Plot.tzDate(new Date(seconds * 1_000), "Etc/UTC") : new Date(seconds * 1_000);
  const clock = Plot.fmtDate("{HH}:{mm}");
  const axis = {
    stroke: () => color("--soft"),
    grid: { stroke: () => color("--line"), width: 1 },
    ticks: { stroke: () => color("--line"), width: 1 },
  };
  return {
    width: place.clientWidth,
    height: HEIGHT_PX,
    tzDate: timeOf,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(max, 1) * 1.05] } },
    axes: [
      { ...axis, values: (_, splits) => splits.map((at) => clock(timeOf(at))) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => numberText(value)) },
    ],
    // A marker is a piece of the line. As a background it follows the theme.
    legend: { markers: { width: 0, fill: (_, at) => pieceOf(series[at - 1]) } },
    series: [
      {
        label: "Time",
        value: legendText((at) => (at === null ? "" : Plot.fmtDate("{HH}:{mm}:{ss}")(timeOf(at)))),
      },
      ...series.map(({ name, color: property, dash }) => ({
        label: name,
        stroke: () => color(property),
        width: 2,
        dash,
        points: { show: false },
        value: legendText((value) => (value === null ? "unknown" : numberText(value) + unit)),
      })),
    ],
  };
}

/**
 * At the moment that somebody points at; otherwise the newest.
 * @param {(value: number | null) => string} textOf
 * @returns {(self: import("uplot"), value: number | null, line: number, at: number | null) => string}
 */
function legendText(textOf) {
  return (self, value, line, at) =>
    textOf((typeof at === "number" ? value : self.data[line]?.at(-1)) ?? null);
}

/** @param {Line | undefined} line */
function pieceOf(line) {
  if (!line) return "none";
  if (line.dash.length === 0) return `var(${line.color})`;
  let to = 0;
  const stops = line.dash.map((length, index) => {
    const from = to;
    to += length;
    return `${index % 2 === 0 ? `var(${line.color})` : "transparent"} ${from}px ${to}px`;
  });
  return `repeating-linear-gradient(to right, ${stops.join(", ")})`;
}

/** @param {number} value */
function numberText(value) {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

/** As the theme has it now. @param {string} name */
function color(name) {
  return getComputedStyle(html).getPropertyValue(name).trim();
}
