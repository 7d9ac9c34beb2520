// The comparison as a Markdown table: a row per question, a column per solution. Pure.
import type { Measured, MeasureOptions } from "./measure.ts";

export function comparisonTable(
  measured: Readonly<Record<string, Measured>>,
  { ratePerSecond, killRatePerSecond, seconds, hotSkus, kills }: MeasureOptions,
): string {
  const answers = Object.values(measured);
  const row = (question: string, answer: (of: Measured) => string) => [question, ...answers.map(answer)];
  const lost = (what: string, of: keyof Measured["killed"]["losses"]) =>
    row(what, ({ killed }) => count(killed.losses[of]));
  const rows = [
    [`${ratePerSecond} checkouts/s for ${seconds} s, ${hotSkus} products`, ...Object.keys(measured)],
    row("orders a minute", ({ speed }) => count(Math.round(speed.ordersPerMinute))),
    row("until the order is complete, p50", ({ speed }) => `${count(speed.p50Ms)} ms`),
    row("p99", ({ speed }) => `${count(speed.p99Ms)} ms`),
    row("shoppers who left without an answer", ({ speed }) => `${(speed.leftShare * 100).toFixed(1)} %`),
    row("CPU per order", ({ speed }) => `${speed.cpuMs.toFixed(1)} ms`),
    row("and of provider and mail server", ({ speed }) => `${speed.standInCpuMs.toFixed(1)} ms`),
    [`**${kills} x kill -9, ${killRatePerSecond} checkouts/s for ${seconds} s**`, ...answers.map(() => "")],
    row("checkouts accepted", ({ killed }) => `${count(killed.accepted)} of ${count(killed.arrivals)}`),
    lost("charged without an order", "chargedWithoutOrder"),
    lost("order without a charge", "orderWithoutCharge"),
    lost("charged twice", "doubleCharges"),
    lost("units held for nobody", "unitsHeldForNobody"),
    lost("accepted and forgotten", "acceptedAndForgotten"),
    row("auditor", ({ isAuditClean }) =>
      isAuditClean === null ? "none" : isAuditClean ? "clean" : "VIOLATIONS",
    ),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line((widths ?? []).map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

/** With thousands separators. */
function count(value: number): string {
  return value.toLocaleString("en-US");
}
