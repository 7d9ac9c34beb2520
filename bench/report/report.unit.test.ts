// The report of a stored run is complete, self-contained, and safe for any text in a run.
import { expect, test } from "bun:test";
import { type RunRecord, readRuns } from "../record.ts";
import { lineChart, roundTicks } from "./charts.ts";
import { reportOf } from "./main.ts";
import { duration, figure, html } from "./markup.ts";

const [RUN] = readRuns(`${import.meta.dir}/sample-run.json`);
if (RUN === undefined) throw new Error("no stored run");

test("the report is one file that fetches nothing", async () => {
  const page = await reportOf([RUN]);
  expect(page).toStartWith("<!doctype html>");
  expect(page).not.toMatch(/(?:src|href)="(?!#)|url\(|@import|https?:/);
});

test("the report contains every part of a run", async () => {
  const page = await reportOf([RUN, { ...RUN, scenario: "another" }]);
  for (const words of [
    "Latency over time",
    "Orders a second",
    "Percentiles",
    "Queues",
    "Hop by hop",
    "CPU per order",
  ])
    expect(page.split(words).length).toBeGreaterThanOrEqual(3);
  for (const text of [
    RUN.commit,
    RUN.machine.model,
    "audit clean",
    "ChargePayment: written → handled by payment",
    "Fetch",
  ])
    expect(page).toContain(text);
  expect(page).toContain('href="#run-2"');
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test("the report of a run without orders says so", async () => {
  const nothing: RunRecord = {
    ...RUN,
    scenario: "idle",
    orders: { ...RUN.orders, placed: 0, finished: 0, ordersPerSecond: 0 },
    latencies: {},
    seconds: [],
    hops: [],
    queues: { at: [], depths: {} },
    perOrder: { ...RUN.perOrder, orders: 0 },
    claims: [],
  };
  const page = await reportOf([nothing]);
  for (const words of ["% of a core", "nothing was measured", "No checkout to follow", "CPU of a core"])
    expect(page).toContain(words);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test("texts of a run are escaped", async () => {
  const page = await reportOf([{ ...RUN, about: "<b>5 & 6</b>", command: '"quoted"' }]);
  expect(page).toContain("&lt;b&gt;5 &amp; 6&lt;/b&gt;");
  expect(html`<i title="${'a"b'}">${["<", html`<b></b>`]}</i>`.text).toBe(
    '<i title="a&quot;b">&lt;<b></b></i>',
  );
});

test("axes have round numbers", () => {
  expect(roundTicks(0, 9.7, 4)).toEqual([0, 5]);
  expect(roundTicks(-5, 30, 8)).toEqual([-5, 0, 5, 10, 15, 20, 25, 30]);
  expect(roundTicks(0, 0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(roundTicks(4, 4, 4)).toEqual([4]);
});

test("lines stay inside the chart", () => {
  const { text } = lineChart({
    title: "t",
    unit: "ms",
    xUnit: "s",
    isLogarithmic: true,
    series: [
      {
        name: "one",
        colour: 1,
        points: [
          [0, 0],
          [1, 5],
          [2, 50_000],
        ],
      },
    ],
  });
  const numbers = [...(/ d="([^"]+)"/.exec(text)?.[1]?.matchAll(/[ML]([\d.]+) ([\d.]+)/g) ?? [])];
  expect(numbers).toHaveLength(3);
  for (const [, x, y] of numbers) {
    expect(Number(x)).toBeWithin(0, 721);
    expect(Number(y)).toBeWithin(0, 251);
  }
});

test("figures are formatted for people", () => {
  expect([0, 0.0123, 1.234, 12.34, 1_234.5].map(figure)).toEqual(["0", "0.012", "1.23", "12.3", "1,235"]);
  expect([950, 1_234].map(duration)).toEqual(["950 ms", "1.23 s"]);
});
