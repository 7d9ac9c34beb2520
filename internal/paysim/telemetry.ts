// Exposes the simulator's counters as metrics. Called by cmd/paysim.
import { statsOf } from "./control.ts";
import type { Simulator } from "./simulator.ts";

/** Registers gauges whose value is read at each scrape. */
export interface Gauges {
  gauge(name: string, help: string, labels: readonly string[], read: () => number): unknown;
}

export function registerStats(metrics: Gauges, simulator: Simulator): void {
  const stats = () => statsOf(simulator);
  for (const name of Object.keys(stats())) {
    const help = `The payment simulator's ${name.replaceAll("_", " ")}`;
    metrics.gauge(`paysim_${name}`, help, [], () => stats()[name] ?? 0);
  }
}
