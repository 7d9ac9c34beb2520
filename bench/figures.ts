// The comparable figures of a run: name, unit, value, and whether more or less is better. Used by compare.ts.
import { perOrderOf } from "./run-summary.ts";
import { byPart, sides } from "./parts.ts";
import type { RunRecord } from "./record.ts";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly better: "more" | "less";
}

export function figuresOf(run: RunRecord): readonly Figure[] {
  const { orders, latencies, perOrder } = run;
  const figures: Figure[] = [];
  const less = (name: string, unit: string, value: number) =>
    figures.push({ name, unit, value, better: "less" });
  if (orders.finished > 0)
    figures.push({ name: "orders finished", unit: "/s", value: orders.ordersPerSecond, better: "more" });
  for (const [key, label] of LATENCIES) {
    const found = latencies[key];
    if (found === undefined || found.count === 0) continue;
    less(`${label}, p50`, "ms", found.p50);
    less(`${label}, p99`, "ms", found.p99);
  }
  const cpu = orders.finished > 0 ? perOrderOf(run) : coreShare(run);
  const cpuUnit = orders.finished > 0 ? "ms/order" : "% of a core";
  const { own, outside } = sides(cpu);
  less("CPU, ours", cpuUnit, own);
  less("CPU, outside parties", cpuUnit, outside);
  less("CPU, all", cpuUnit, own + outside);
  for (const [part, ms] of byPart(cpu)) less(`CPU, ${part}`, cpuUnit, ms);
  less("memory, all", "MB", sum(run.memory) / 2 ** 20);
  if (perOrder.orders === 0) return figures;
  const whole = sides(perOrder.cpuMs);
  less("CPU, ours, whole run", "ms/order", whole.own);
  less("CPU, all, whole run", "ms/order", whole.own + whole.outside);
  for (const [name, { transactions, walBytes, blockHits }] of Object.entries(perOrder.postgres)) {
    less(`Postgres ${name}, transactions`, "/order", transactions);
    less(`Postgres ${name}, WAL`, "KB/order", walBytes / 1_024);
    less(`Postgres ${name}, block hits`, "/order", blockHits);
  }
  less("Kafka, requests", "/order", sum(perOrder.kafka.requests));
  less("Kafka, bytes in", "KB/order", perOrder.kafka.bytesIn / 1_024);
  less("disk writes", "KB/order", sum(perOrder.writtenBytes) / 1_024);
  less("context switches", "/order", sum(perOrder.voluntarySwitches) + sum(perOrder.involuntarySwitches));
  return figures;
}

const LATENCIES = [
  ["accepted", "202"],
  ["finished", "finished"],
  ["undone", "undone"],
  ["reads", "reads"],
] as const;

function coreShare({ cpuMs, measuredSeconds }: RunRecord): Record<string, number> {
  return Object.fromEntries(
    Object.entries(cpuMs).map(([name, ms]) => [name, ms / 10 / Math.max(0.001, measuredSeconds)]),
  );
}

function sum(figures: Readonly<Record<string, number>>): number {
  return Object.values(figures).reduce((total, value) => total + value, 0);
}
