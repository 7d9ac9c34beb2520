// The report section of one run: claims and key figures, then charts, then tables. Pure.
import { perOrderOf } from "../run-summary.ts";
import { curveOf } from "../histograms.ts";
import type { Hop } from "../measure/hops.ts";
import { byPart, isOutside, sides } from "../parts.ts";
import type { RunRecord, SecondRow } from "../record.ts";
import { type Bar, barList, lineChart, type Series, span } from "./charts.ts";
import { duration, figure, html, type Markup } from "./markup.ts";

const OURS = 1;
const OUTSIDE = 7;
/** The maximum number of lines in a chart. */
const MOST_QUEUES = 7;

export function runSection(run: RunRecord, id: string): Markup {
  return html`<section class="run" id="${id}">
    <h2>${run.scenario} <span class="unit">${run.about}</span></h2>
    <p class="soft">${when(run)} · commit <code>${run.commit}</code> · ${machineText(run)}</p>
    <p class="soft"><code>${run.command}</code></p>
    ${claims(run)}${tiles(run)}
    <div class="cards">
      ${card(latencyOverTime(run))}${card(throughput(run))}${card(percentileCurve(run))}${card(queues(run))}
      ${card(costs(run))}${card(memory(run))} ${wide(hops(run))}${card(postgres(run))}${card(kafka(run))}
    </div>
  </section>`;
}

function when({ startedAt }: RunRecord): string {
  return startedAt.slice(0, 19).replace("T", " ");
}

function machineText({ machine }: RunRecord): string {
  const { cores, model, mhz, memoryGb, kernel, loadBefore } = machine;
  return `${cores} × ${model}${mhz > 0 ? ` at ${mhz} MHz` : ""}, ${memoryGb} GB, Linux ${kernel}, load before ${loadBefore}`;
}

function claims(run: RunRecord): Markup {
  const audit =
    run.isAuditClean === null
      ? null
      : html`<span class="result${run.isAuditClean ? "" : " missed"}"
          ><b>${run.isAuditClean ? "✓" : "✗"}</b
          >${run.isAuditClean ? "audit clean" : "the audit found violations"}</span
        >`;
  return html`<div class="claims">
      ${run.claims.map(
        ({ claim, measured, isMet }) =>
          html`<span class="result${isMet ? "" : " missed"}"
            ><b>${isMet ? "✓" : "✗"}</b>${claim} <small>${measured}</small></span
          >`,
      )}${audit}
    </div>
    ${Object.entries(run.findings).map(([name, text]) => html`<p><b>${name}</b>: ${text}</p>`)}`;
}

function tiles(run: RunRecord): Markup {
  const { orders, latencies, memory: bytes } = run;
  const { own, outside } = sides(perOrderOf(run));
  const tile = (big: string, small: string, what: string) =>
    html`<div class="tile">
      <div class="big">${big} <small>${small}</small></div>
      <div class="what">${what}</div>
    </div>`;
  const isIdle = orders.finished === 0;
  const core = sides(run.cpuMs);
  return html`<div class="tiles">
    ${isIdle ? null : tile(figure(orders.ordersPerSecond), "orders/s", `${orders.completed.toLocaleString("en-US")} completed, ${orders.compensated.toLocaleString("en-US")} compensated, ${orders.refused} refused, ${orders.unfinished} unfinished`)}
    ${latencies.finished === undefined ? null : tile(duration(latencies.finished.p99), "p99", `until finished; p50 ${duration(latencies.finished.p50)}, worst ${duration(latencies.finished.max)}`)}
    ${latencies.accepted === undefined ? null : tile(duration(latencies.accepted.p99), "p99", `until the 202; p50 ${duration(latencies.accepted.p50)}`)}
    ${latencies.undone === undefined ? null : tile(duration(latencies.undone.p99), "p99", `from failure to compensated; p50 ${duration(latencies.undone.p50)}`)}
    ${latencies.reads === undefined ? null : tile(duration(latencies.reads.p99), "p99", `of ${latencies.reads.count.toLocaleString("en-US")} reads; p50 ${duration(latencies.reads.p50)}`)}
    ${isIdle ? tile(figure((core.own + core.outside) / 10 / run.measuredSeconds), "% of a core", "CPU of the whole system") : tile(figure(own), "ms/order", `CPU, ours; with the outside parties ${figure(own + outside)}; both without the driver's ${figure(run.driverCpuMs / orders.finished)}`)}
    ${tile(figure(total(bytes) / 2 ** 20), "MB", "memory of the whole system (PSS)")}
  </div>`;
}

function latencyOverTime(run: RunRecord): Markup {
  const isAtOnce = run.options["atOnce"] !== undefined;
  const pick = (value: (row: SecondRow) => number | null) =>
    run.seconds.flatMap((row): [number, number][] => {
      const y = value(row);
      return y === null ? [] : [[row.at, y]];
    });
  return lineChart({
    title: "Latency over time",
    unit: "ms",
    xUnit: `seconds since the measurement began, by ${isAtOnce ? "time of the answer or the end" : "intended start"}`,
    isLogarithmic: true,
    xMarks: endMark(run),
    series: [
      { name: "finished, worst", colour: 7, isFaint: true, points: pick(({ max }) => max) },
      { name: "finished, p99", colour: 2, points: pick(({ p99 }) => p99) },
      { name: "finished, p50", colour: 1, points: pick(({ p50 }) => p50) },
      { name: "202, p99", colour: 3, points: pick(({ acceptedP99 }) => acceptedP99) },
    ],
  });
}

function throughput(run: RunRecord): Markup {
  const placed: Series = {
    name: "placed",
    colour: 7,
    isFaint: true,
    points: run.seconds.map(({ at, placed: count }) => [at, count]),
  };
  return lineChart({
    title: "Orders a second",
    unit: "/s",
    xUnit: "seconds since measuring began",
    xMarks: endMark(run),
    series: [
      // A single peak of all checkouts would flatten everything else.
      ...(run.options["atOnce"] === undefined ? [placed] : []),
      { name: "finish", colour: 1, points: run.seconds.map(({ at, finished }) => [at, finished]) },
    ],
  });
}

function percentileCurve({ latencies }: RunRecord): Markup {
  // Logarithmic, so that 90, 99 and 99.9 % are evenly spaced; 4.5 is the position of the worst value.
  const place = (percentile: number) => (percentile >= 100 ? 4.5 : -Math.log10(1 - percentile / 100));
  const series: Series[] = [
    { name: "finished", colour: 1, points: [] },
    { name: "202", colour: 3, points: [] },
    { name: "undone", colour: 4, points: [] },
    { name: "reads", colour: 5, points: [] },
  ].flatMap((one, index) => {
    const found = latencies[(["finished", "accepted", "undone", "reads"] as const)[index] ?? "finished"];
    if (found === undefined || found.count === 0) return [];
    return [{ ...one, points: curveOf(found).map(([percentile, ms]) => [place(percentile), ms] as const) }];
  });
  return lineChart({
    title: "Percentiles",
    unit: "ms",
    xUnit: "share of checkouts",
    isLogarithmic: true,
    series,
    xTicks: [0, 50, 90, 99, 99.9, 99.99, 100].map((percentile) => ({
      x: place(percentile),
      label: percentile === 100 ? "worst" : `${percentile} %`,
    })),
  });
}

function queues({ queues: { at, depths } }: RunRecord): Markup {
  const shown = Object.entries(depths)
    .filter(([, values]) => values.some((value) => value > 0))
    .slice(0, MOST_QUEUES);
  if (shown.length === 0)
    return html`<h3>Queues</h3>
      <p class="none">Nothing waited, or queues were not sampled, as in an idle run.</p>`;
  return lineChart({
    title: "Queues",
    unit: "waiting or in progress",
    xUnit: "seconds since measuring began",
    isLogarithmic: true,
    series: shown.map(([name, values], index) => ({
      name,
      colour: index + 1,
      points: values.map((value, place) => [at[place] ?? 0, value] as const),
    })),
  });
}

function costs(run: RunRecord): Markup {
  const isIdle = run.orders.finished === 0;
  const cpu = isIdle
    ? Object.fromEntries(
        Object.entries(run.cpuMs).map(([name, ms]) => [name, ms / 10 / run.measuredSeconds] as const),
      )
    : perOrderOf(run);
  const { own, outside } = sides(cpu);
  const unit = isIdle ? "%" : "ms";
  return html`<h3>
      CPU ${isIdle ? "of a core" : "per order"}
      <span class="unit">${figure(own)} ${unit} ours, ${figure(outside)} ${unit} outside parties</span>
    </h3>
    ${barList(byPart(cpu).map(barOf), unit)}
    <p class="soft">
      Outside parties: the payment provider's simulator and the mail catcher, which stand for other parties'
      machines.
    </p>`;
}

function memory(run: RunRecord): Markup {
  if (run.memoryOverTime.length < 2)
    return html`<h3>
        Memory <span class="unit">PSS after the run, ${figure(total(run.memory) / 2 ** 20)} MB in all</span>
      </h3>
      ${barList(
        byPart(run.memory).map(([part, bytes]) => barOf([part, bytes / 2 ** 20])),
        "MB",
      )}`;
  const parts = byPart(run.memoryOverTime.at(-1)?.bytes ?? {}).slice(0, MOST_QUEUES);
  return lineChart({
    title: "Memory, the largest",
    unit: "MB (PSS)",
    xUnit: "seconds since measuring began",
    series: parts.map(([part], index) => ({
      name: part,
      colour: index + 1,
      points: run.memoryOverTime.map(
        ({ at, bytes }) => [at, (byPart(bytes).find(([name]) => name === part)?.[1] ?? 0) / 2 ** 20] as const,
      ),
    })),
  });
}

function hops({ hops: all }: RunRecord): Markup {
  const way = all.filter(({ kind }) => kind !== "note" && kind !== "saga");
  if (way.length === 0)
    return html`<h3>Hop by hop</h3>
      <p class="none">No checkout to follow.</p>`;
  const whole = Math.max(...way.map(({ endsAt }) => endsAt));
  const beside = all.filter(({ kind }) => kind === "note" || kind === "saga");
  return html`<h3>
      Hop by hop
      <span class="unit"
        >of ${Math.max(...way.map(({ count }) => count)).toLocaleString("en-US")} checkouts, in milliseconds;
        each bar ends at the median checkout's time</span
      >
    </h3>
    <div class="scroll">
      <table>
        <tr>
          <th>hop</th>
          <th class="text">timeline</th>
          <th>p50</th>
          <th>p99</th>
          <th>ends after</th>
        </tr>
        ${way.map((hop) => hopRow(hop, whole))}
      </table>
    </div>
    <details>
      <summary>Additional: the saga's history, and when messages were marked as published</summary>
      <div class="scroll">
        <table>
          <tr>
            <th>what</th>
            <th class="text"></th>
            <th>p50</th>
            <th>p99</th>
            <th>ends after</th>
          </tr>
          ${beside.map((hop) => hopRow(hop, whole))}
        </table>
      </div>
    </details>`;
}

const HOP_COLOURS: Readonly<Record<Hop["kind"], number>> = {
  start: 3,
  delivery: 1,
  work: 2,
  end: 3,
  saga: 4,
  note: 7,
};

function hopRow({ name, kind, endsAt, p50, p99 }: Hop, whole: number): Markup {
  return html`<tr>
    <td>${name}</td>
    <td class="way">${span(endsAt - p50, endsAt, whole, HOP_COLOURS[kind])}</td>
    <td>${figure(p50)}</td>
    <td>${figure(p99)}</td>
    <td>${figure(endsAt)}</td>
  </tr>`;
}

function postgres({ perOrder }: RunRecord): Markup {
  const rows = Object.entries(perOrder.postgres);
  if (rows.length === 0 || perOrder.orders === 0)
    return html`<h3>Postgres</h3>
      <p class="none">No orders.</p>`;
  return html`<h3>Postgres per order <span class="unit">including ramp-up and drain</span></h3>
    <div class="scroll">
      <table>
        <tr>
          <th>database</th>
          <th>tx</th>
          <th>WAL KB</th>
          <th>WAL records</th>
          <th>hits</th>
          <th>rows</th>
          <th>HOT</th>
        </tr>
        ${rows.map(
          ([name, c]) =>
            html`<tr>
              <td>${name}</td>
              <td>${figure(c.transactions)}</td>
              <td>${figure(c.walBytes / 1_024)}</td>
              <td>${figure(c.walRecords)}</td>
              <td>${figure(c.blockHits)}</td>
              <td>${figure(c.rowsInserted + c.rowsUpdated)}</td>
              <td>${c.rowsUpdated > 0 ? `${figure((100 * c.rowsUpdatedHot) / c.rowsUpdated)} %` : "-"}</td>
            </tr>`,
        )}
      </table>
    </div>
    <p class="soft">
      tx: transactions; hits: blocks found in memory; rows: written; HOT: the share of updated rows that
      needed no new index entry.
    </p>`;
}

function kafka({ perOrder }: RunRecord): Markup {
  if (perOrder.orders === 0)
    return html`<h3>Kafka</h3>
      <p class="none">No orders.</p>`;
  const { requests, messagesIn, bytesIn, bytesOut, logBytes } = perOrder.kafka;
  const bars = Object.entries(requests)
    .slice(0, 8)
    .map(([name, value]) => ({ name, value, colour: OURS }));
  const written = total(perOrder.writtenBytes) / 1_024;
  const switches = [perOrder.voluntarySwitches, perOrder.involuntarySwitches].map(total);
  return html`<h3>Kafka and the machine per order <span class="unit">including ramp-up and drain</span></h3>
    <p>
      ${figure(messagesIn)} messages, ${figure(bytesIn / 1_024)} KB in, ${figure(bytesOut / 1_024)} KB out,
      ${figure(logBytes / 1_024)} KB of log. Disk: ${figure(written)} KB written. Context switches:
      ${figure(switches[0] ?? 0)} voluntary, ${figure(switches[1] ?? 0)} involuntary.
    </p>
    ${bars.length === 0 ? html`<p class="none">The brokers' request counters could not be read.</p>` : barList(bars, "requests")}`;
}

function barOf([name, value]: readonly [string, number]): Bar {
  return { name, value, colour: isOutside(name) ? OUTSIDE : OURS };
}

function endMark({ measuredSeconds, seconds }: RunRecord) {
  const last = seconds.at(-1)?.at ?? 0;
  return last > measuredSeconds ? [{ x: measuredSeconds, label: "drain" }] : [];
}

function card(content: Markup): Markup {
  return html`<div class="card">${content}</div>`;
}

function wide(content: Markup): Markup {
  return html`<div class="card wide">${content}</div>`;
}

function total(figures: Readonly<Record<string, number>>): number {
  return Object.values(figures).reduce((sum, value) => sum + value, 0);
}
