// Prometheus metrics of one process: process metrics and the role's own. Three short factories give every metric a prefix, a help
// text and sensible buckets. Served by ops-http.ts.
import { Counter, Gauge, Histogram, type LabelValues, Registry } from "@prometheus-io/client";
import { registerProcessMetrics } from "./process-metrics.ts";

const PREFIX = "checkout_";

/** From 1 ms, a database round trip, to 30 s, a saga that waits for a slow payment provider. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type LabelledValue<Label extends string> = readonly [labels: LabelValues<Label>, value: number];

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
    read?: () => number | Promise<number> | readonly LabelledValue<Label>[],
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
  ): Histogram<Label> {
    return new Histogram({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      registers: [this.registry],
    });
  }

  /** The exposition format, with its content type. */
  async expose(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }
}
