// The pictures of the last hour: what is kept, for how long, what an unknown figure becomes, and that a page without scripts shows the same.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { consoleOptions, known, NOW, snapshotOf, unknown } from "../testkit/console.ts";
import { consoleApp } from "./app.ts";
import { type ChartId, CHARTS } from "./charts.ts";
import type { Snapshot } from "./collector.ts";
import { History, MAX_SERIES, type Point, POINT_EVERY_MS } from "./history.ts";
import { ChartTable } from "./pages/graphs.tsx";
import { SESSION } from "./session.ts";
import { GRAPH_STYLE_SHEET, STYLE_SHEET } from "./style-sheet.ts";

const HOUR_MS = 3_600_000;

function chartOf(id: ChartId) {
  const chart = CHARTS.find((one) => one.id === id);
  if (chart === undefined) throw new Error(`there is no chart ${id}`);
  return chart;
}

const NO_POINT: Point["values"] = {
  throughput: {},
  duration: {},
  lag: {},
  outboxes: {},
  "dead-letters": {},
  "event-loop": {},
};

interface Drawn {
  readonly series: readonly {
    readonly name: string;
    readonly color: string;
    readonly dash: readonly number[];
    readonly values: readonly unknown[];
  }[];
}

/** What the picture is drawn of. */
function drawnIn(html: string): Drawn {
  return JSON.parse((/data-points="([^"]*)"/.exec(html)?.[1] ?? "").replaceAll("&quot;", '"'));
}

function drawnOf(id: ChartId, values: readonly Point["values"][]): Drawn {
  const points = values.map((one, n) => ({ at: NOW + n * POINT_EVERY_MS, values: one }));
  return drawnIn(render(ChartTable({ chart: chartOf(id), points })));
}

/** What a chart has after one point. */
function after(snapshot: Partial<Snapshot>, id: ChartId) {
  const history = new History();
  history.addIfDue(snapshotOf(snapshot), NOW);
  return history.points[0]?.values[id];
}

describe("history", () => {
  test("keeps a point every ten seconds, however often it is asked to", () => {
    const history = new History();
    for (let ms = 0; ms <= 60_000; ms += 250) history.addIfDue(snapshotOf(), NOW + ms);
    expect(history.points.map(({ at }) => at - NOW)).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => n * 10_000));
  });

  test("keeps an hour and no more, also after a pause and after the clock was set back", () => {
    const history = new History();
    for (let n = 0; n < 1_000; n++) history.addIfDue(snapshotOf(), NOW + n * POINT_EVERY_MS);
    expect(history.points.length).toBe(360);
    const last = NOW + 999 * POINT_EVERY_MS;
    history.addIfDue(snapshotOf(), last + HOUR_MS - 15_000);
    expect(history.points.map(({ at }) => at - last)).toEqual([-10_000, 0, HOUR_MS - 15_000]);
    for (let n = 0; n < 1_000; n++) history.addIfDue(snapshotOf(), NOW + n * POINT_EVERY_MS);
    expect(history.points.length).toBeLessThanOrEqual(360);
  });

  test("a source with very many series fills no memory", () => {
    const groups = Array.from({ length: 100 }, (_, n) => ({ group: `g${n}`, lag: n }));
    const topics = known([{ topic: "t", partitions: 1, messages: 1, end: 1, groups }]);
    expect(Object.keys(after({ topics }, "lag") ?? {}).length).toBe(MAX_SERIES);
  });
});

describe("charts", () => {
  test("rates are per minute, also when the window was shorter", () => {
    const { value } = snapshotOf().sagas;
    if (value === null) throw new Error("the fixture has sagas");
    const sagas = known({
      ...value,
      window_seconds: 20,
      started: 40,
      ended: [
        { status: "COMPLETED", failure_code: null, count: 30 },
        { status: "COMPENSATED", failure_code: "CARD_DECLINED", count: 2 },
        { status: "COMPENSATED", failure_code: "INSUFFICIENT_STOCK", count: 1 },
      ],
    });
    expect(after({ sagas }, "throughput")).toEqual({ started: 120, COMPLETED: 90, COMPENSATED: 9 });
    expect(after({ sagas }, "duration")).toEqual({ p50: 1_900, p99: 2_800 });
  });

  test("each says what the overview says", () => {
    expect(after({}, "lag")).toMatchObject({
      "checkout-commands, payment": 140,
      "payment-events, orchestrator": 12,
    });
    expect(after({}, "outboxes")).toMatchObject({ saga: 4 });
    expect(after({}, "dead-letters")).toEqual({ all: 2, payment: 2 });
    const state = { ...roleState(), event_loop_lag_seconds: 0.00123 };
    expect(after({ roles: [{ name: "payment", reading: known(state) }] }, "event-loop")).toEqual({
      payment: 1.23,
    });
  });

  test("what is unknown is a gap, never 0", () => {
    const roles = [
      { name: "payment", reading: unknown<ReturnType<typeof roleState>>("ECONNREFUSED") },
      { name: "old", reading: known(roleState()) },
    ];
    const away = {
      sagas: unknown<never>("ECONNREFUSED"),
      topics: unknown<never>("no answer"),
      deadLetters: unknown<never>("no answer"),
      outboxes: [{ database: "saga" as const, reading: unknown<never>("ECONNREFUSED") }],
      roles,
    };
    for (const { id } of CHARTS) expect(after(away, id), id).toEqual({});
    const history = new History();
    history.addIfDue(snapshotOf(), NOW);
    history.addIfDue(snapshotOf(away), NOW + POINT_EVERY_MS);
    const html = render(ChartTable({ chart: chartOf("outboxes"), points: history.points }));
    expect(drawnIn(html).series.find(({ name }) => name === "saga")?.values).toEqual([4, null]);
    expect(html).toContain("unknown");
  });

  test("an outcome has the colour that it has everywhere, and no other line has it", () => {
    const { series } = drawnOf("throughput", [
      { ...NO_POINT, throughput: { COMPENSATED: 1, started: 3, COMPLETED: 2 } },
    ]);
    expect(Object.fromEntries(series.map(({ name, color }) => [name, color]))).toEqual({
      COMPENSATED: "--bad",
      started: "--series-2",
      COMPLETED: "--good",
    });
    const shades = [...GRAPH_STYLE_SHEET.matchAll(/--series-\d+:(#[0-9a-f]+)/g)].map(
      ([, shade = ""]) => shade,
    );
    const theme = [...STYLE_SHEET.matchAll(/--(?:good|bad|warn):(#[0-9a-f]+)/g)].map(
      ([, shade = ""]) => shade,
    );
    expect(theme.length).toBeGreaterThanOrEqual(6);
    expect(shades.filter((shade) => theme.includes(shade))).toEqual([]);
  });

  test("ten lines have ten colours in both themes, and no two of the most have the same look", () => {
    const values = Object.fromEntries(Array.from({ length: MAX_SERIES }, (_, n) => [`g${n}`, n]));
    const { series } = drawnOf("lag", [{ ...NO_POINT, lag: values }]);
    expect(new Set(series.slice(0, 10).map(({ color }) => color)).size).toBe(10);
    expect(new Set(series.map(({ color, dash }) => JSON.stringify([color, dash]))).size).toBe(MAX_SERIES);
    const shades = [...GRAPH_STYLE_SHEET.matchAll(/--series-\d+:(#[0-9a-f]+)/g)].map(
      ([, shade = ""]) => shade,
    );
    // Light, dark by choice and dark by the device.
    expect(shades.length).toBe(30);
    for (const start of [0, 10]) expect(new Set(shades.slice(start, start + 10)).size).toBe(10);
  });

  test("nothing is drawn or tabled before the first point", () => {
    const html = render(ChartTable({ chart: chartOf("lag"), points: [] }));
    expect(html).toContain("Nothing is known yet.");
    expect(html).not.toContain("<table");
  });
});

describe("the page", () => {
  async function pageOf(path: string, accept = "text/html") {
    const options = consoleOptions();
    options.history.addIfDue(options.collector.snapshot(), NOW);
    const session = await options.sessions.open(
      { name: "vic", role: "viewer", token: "token-of-vic", expiresAt: NOW + HOUR_MS },
      "token",
      NOW,
    );
    const headers = { accept, cookie: `${SESSION}=${session.value}` };
    const answer = await consoleApp(options).handle(new Request(`http://localhost${path}`, { headers }));
    return { answer, html: await answer.text() };
  }

  test("has a table behind each picture, open for those without scripts", async () => {
    const { html } = await pageOf("/graphs");
    for (const { id, title } of CHARTS) {
      expect(html).toContain(`data-plot="g-${id}"`);
      expect(html).toContain(`<details class="small" open data-behind="g-${id}">`);
      expect(html).toContain(`${title} in the last hour; the table below has the figures`);
    }
  });

  test("its scripts are the console's own, by nonce and hash, and no policy is wider for it", async () => {
    const { answer, html } = await pageOf("/graphs");
    const other = await pageOf("/me");
    const policy = ({ headers }: Response) =>
      (headers.get("content-security-policy") ?? "").replaceAll(/nonce-[^']+/g, "nonce");
    expect(policy(answer)).toBe(policy(other.answer));
    const scripts = [...html.matchAll(/<script [^>]*src="([^"]+)"[^>]*>/g)];
    expect(scripts.map(([, src]) => src?.replace(/\.[0-9a-f]{16}\./, "."))).toEqual([
      "/assets/console.js",
      "/assets/uplot.js",
      "/assets/graphs.js",
    ]);
    for (const [tag, src = ""] of scripts) {
      const { html: text } = await pageOf(src);
      const hash = new Bun.CryptoHasher("sha384").update(text).digest("base64");
      expect(tag).toContain(`integrity="sha384-${hash}"`);
      expect(tag).toContain("nonce=");
    }
  });

  test("as JSON for programs", async () => {
    const { answer, html } = await pageOf("/graphs?as=json");
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(JSON.parse(html)).toMatchObject([{ at: NOW, values: { lag: {} } }]);
  });
});

function roleState() {
  return {
    is_ready: true,
    reasons: [],
    version: "0.1.0",
    started_at: NOW,
    cpu_seconds: 1,
    memory_bytes: 1,
  };
}
