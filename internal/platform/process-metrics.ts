// Process metrics under the standard Prometheus names. The client's own default metrics are not used: on Bun their heap statistics
// walk the heap, which blocks every request for 30 ms and more per scrape, and their event loop monitor runs all the time. Called
// by metrics.ts.
import { Counter, Gauge, type Registry } from "@prometheus-io/client";

const MICROSECONDS_PER_SECOND = 1_000_000;

export function registerProcessMetrics(registry: Registry): void {
  // An empty list: without it a metric joins the client's global registry.
  const registers: Registry[] = [];
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of this process, all threads, user and system",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / MICROSECONDS_PER_SECOND);
    },
  });
  const memory = new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of this process",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  const started = new Gauge({
    name: "process_start_time_seconds",
    help: "Start time of this process, in seconds since the Unix epoch",
    registers,
  });
  started.set(Date.now() / 1_000 - process.uptime());
  const lag = new Gauge({
    name: "process_event_loop_lag_seconds",
    help: "How long a task waited for the event loop at the time of the scrape",
    registers,
    async collect() {
      const asked = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      this.set((performance.now() - asked) / 1_000);
    },
  });
  for (const metric of [cpu, memory, started, lag]) registry.registerMetric(metric);
}
