// Prometheus metrics of one process: process metrics and the role's own. Three short factories give every metric a prefix, a help
// text and sensible buckets. Served by ops-http.ts.
import { Counter, Gauge, Histogram, type LabelValues, Registry } from "@prometheus-io/client";
import { openMetricsText } from "./open-metrics.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

const PREFIX = "checkout_";

/** From 1 ms, a database round trip, to 30 s, a saga that waits for a slow payment provider. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type LabelledValue<Label extends string> = readonly [labels: LabelValues<Label>, value: number];
type GaugeValue<Label extends string> = number | readonly LabelledValue<Label>[];

export interface TracedHistogram<Label extends string> {
  /** `trace_id`: a recorded trace in which this was measured, as an example of its bucket. */
  observe(labels: Partial<Record<Label, string | number>>, value: number, trace_id?: string): void;
}

export class Metrics {
  readonly registry = new Registry();

  constructor() {
    registerProcessMetrics(this.registry);
  }

  /** Names have no prefix. A counter's name ends in `_total`, a duration's in `_seconds`. */
  counter<Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Counter<Label> {
    return new Counter({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
    });
  }

  /** If given, `read` provides the value at each scrape, or all labelled values. */
  gauge<Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    read?: () => GaugeValue<Label> | Promise<GaugeValue<Label>>,
  ): Gauge<Label> {
    return new Gauge({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(read === undefined
        ? {}
        : {
            async collect(this: Gauge<Label>) {
              const found = await read();
              if (typeof found === "number") return this.set(found);
              this.reset();
              for (const [labels, value] of found) this.set(labels, value);
            },
          }),
    });
  }

  histogram<Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    buckets: readonly number[] = DURATION_BUCKETS_SECONDS,
  ): TracedHistogram<Label> {
    // Any label: those of the exemplars are not the metric's own.
    const histogram = new Histogram<string>({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      // The client refuses exemplars in a registry of the older format, which leaves them out anyway.
      registers: [],
      enableExemplars: true,
    });
    this.registry.registerMetric(histogram);
    return {
      observe: (labels, value, trace_id) =>
        histogram.observe(
          trace_id === undefined ? { labels, value } : { labels, value, exemplarLabels: { trace_id } },
        ),
    };
  }

  /**
   * All metrics in the format that the client accepts, with its content type: OpenMetrics, which alone has exemplars, or the older
   * Prometheus text. `accept`: the header of the request.
   */
  async expose(accept = ""): Promise<{ readonly contentType: string; readonly text: string }> {
    if (accept.includes("application/openmetrics-text"))
      return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, text: await openMetricsText(this.registry) };
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }
}
