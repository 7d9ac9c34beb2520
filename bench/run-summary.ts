// Describes a run on the console: the most important figures. The rest is in the JSON and the report.
import type { Latencies } from "./histograms.ts";
import { byPart, DRIVER, isOutside, sides } from "./parts.ts";
import type { RunRecord } from "./record.ts";

/** Lines to print. */
export function describeRun(run: RunRecord): readonly string[] {
  const { orders, latencies, memory } = run;
  const cpu = perOrderOf(run);
  const { own, outside } = sides(cpu);
  const lines: string[] = [];
  const say = (name: string, text: string) => lines.push(`  ${name.padEnd(17)} ${text}`);
  say("orders/s finished", orders.ordersPerSecond.toFixed(0));
  if (latencies.accepted !== undefined) say("202 after", percentilesOf(latencies.accepted));
  if (latencies.finished !== undefined) say("saga finished in", percentilesOf(latencies.finished));
  if (latencies.undone !== undefined)
    say("compensated in", `${percentilesOf(latencies.undone)} after the failure`);
  if (latencies.reads !== undefined) say("reads answered in", percentilesOf(latencies.reads));
  say("outcomes", `${orders.completed} completed, ${orders.compensated} compensated`);
  say("errors", `${orders.refused} refused, ${orders.unfinished} unfinished${reasonsOf(run)}`);
  if (orders.finished > 0) {
    say(
      "CPU-ms per order",
      `${own.toFixed(2)} ours, ${outside.toFixed(2)} outside parties, ${(own + outside).toFixed(2)} in all, without the driver's ${(run.driverCpuMs / orders.finished).toFixed(2)}`,
    );
    for (const [part, ms] of byPart(cpu))
      lines.push(`    ${part.padEnd(23)} ${ms.toFixed(3)}${isOutside(part) ? "  (outside)" : ""}`);
  } else {
    const total = Object.values(run.cpuMs).reduce((sum, ms) => sum + ms, 0);
    say("CPU", `${(total / 10 / run.measuredSeconds).toFixed(1)} % of a core`);
    for (const [part, ms] of byPart(run.cpuMs))
      lines.push(`    ${part.padEnd(23)} ${(ms / 10 / run.measuredSeconds).toFixed(2)} %`);
  }
  say("memory (PSS)", `${megabytes(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0))} MB in all`);
  lines.push(...costLines(run), ...hopLines(run));
  for (const [name, text] of Object.entries(run.findings)) say(name, text);
  for (const { claim, measured, isMet } of run.claims)
    say("target", `${isMet ? "met" : "MISSED"}: ${claim} (${measured})`);
  return lines;
}

/** CPU-ms per order, by process. */
export function perOrderOf({ cpuMs, orders }: RunRecord): Record<string, number> {
  return Object.fromEntries(
    Object.entries(cpuMs)
      .filter(([name]) => name !== DRIVER)
      .map(([name, ms]) => [name, ms / Math.max(1, orders.finished)]),
  );
}

function costLines({ perOrder }: RunRecord): readonly string[] {
  if (perOrder.orders === 0) return [];
  const postgres = Object.entries(perOrder.postgres).map(
    ([name, { transactions, walBytes, blockHits }]) =>
      `${name} ${transactions.toFixed(2)} tx, ${(walBytes / 1_024).toFixed(1)} KB WAL, ${blockHits.toFixed(0)} hits`,
  );
  const { requests, messagesIn, bytesIn, bytesOut } = perOrder.kafka;
  const asked = Object.entries(requests)
    .slice(0, 6)
    .map(([kind, count]) => `${kind} ${count.toFixed(3)}`);
  const written = Object.values(perOrder.writtenBytes).reduce((sum, bytes) => sum + bytes, 0);
  const switches = (figures: Readonly<Record<string, number>>) =>
    Object.values(figures)
      .reduce((sum, count) => sum + count, 0)
      .toFixed(1);
  const cpu = sides(perOrder.cpuMs);
  return [
    `  per order over the whole run (${perOrder.orders} orders, including ramp-up and drain)`,
    `    CPU-ms ${cpu.own.toFixed(2)} ours, ${(cpu.own + cpu.outside).toFixed(2)} in all`,
    ...postgres.map((text) => `    Postgres ${text}`),
    `    Kafka ${messagesIn.toFixed(1)} messages, ${(bytesIn / 1_024).toFixed(1)} KB in, ${(bytesOut / 1_024).toFixed(1)} KB out; requests ${asked.join(", ") || "unknown"}`,
    `    disk ${(written / 1_024).toFixed(1)} KB; context switches ${switches(perOrder.voluntarySwitches)} voluntary, ${switches(perOrder.involuntarySwitches)} involuntary`,
  ];
}

function hopLines({ hops }: RunRecord): readonly string[] {
  const way = hops.filter(({ kind }) => kind !== "note" && kind !== "saga");
  if (way.length === 0) return [];
  return [
    `  ${"hop, ms".padEnd(60)} ${"p50".padStart(7)} ${"p99".padStart(8)} ${"ends at".padStart(8)}`,
    ...way.map(
      ({ name, p50, p99, endsAt }) =>
        `    ${name.padEnd(58)} ${p50.toFixed(1).padStart(7)} ${p99.toFixed(1).padStart(8)} ${endsAt.toFixed(1).padStart(8)}`,
    ),
  ];
}

function percentilesOf({ p50, p90, p99, max }: Latencies): string {
  const round = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  return `p50 ${round(p50)}, p90 ${round(p90)}, p99 ${round(p99)}, max ${round(max)} ms`;
}

function reasonsOf({ orders }: RunRecord): string {
  const reasons = Object.entries(orders.refusals).map(([reason, count]) => `${count} × ${reason}`);
  return reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
