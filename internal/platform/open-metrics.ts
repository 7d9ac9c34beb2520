// The metrics of a registry as OpenMetrics text. Not by a registry of that type with the same metrics: the client (0.16.1) then cuts
// `_total` from the names of the counters themselves, and the next scrape of the older format has other names. So the registry here gets
// stand-ins that share everything but the name. Called by metrics.ts.
import { type Counter, type OpenMetricsContentType, Registry } from "@prometheus-io/client";

export function openMetricsText(registry: Registry): Promise<string> {
  const shown = new Registry<OpenMetricsContentType>(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) {
    // What the client writes to it, it writes to the stand-in, and what it reads it finds in the metric.
    const standIn: Counter = Object.create(metric);
    shown.registerMetric(standIn);
  }
  return shown.metrics();
}
