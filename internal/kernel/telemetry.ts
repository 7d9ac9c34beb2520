// What the code tells the operator, as ports: a log, measurements and traces. Only internal/platform opens the real ones.

/** A structured log; pino's shape. Fields first, then what happened. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type Labels = Readonly<Record<string, string>>;

/** Where measurements are registered; the Prometheus client's shape. */
export interface Meter {
  counter(name: string, help: string, labels?: readonly string[]): { inc(labels: Labels, by?: number): void };
  gauge(name: string, help: string, labels?: readonly string[]): { set(labels: Labels, value: number): void };
  histogram(
    name: string,
    help: string,
    labels?: readonly string[],
    buckets?: readonly number[],
  ): { observe(labels: Labels, value: number): void };
}

/** A piece of work in a trace. */
export interface Span {
  /** W3C trace context for what this work causes; undefined where nobody traces. */
  readonly traceparent: string | undefined;
  end(): void;
}

export interface Tracer {
  /** Begins a span under `parent`, a W3C `traceparent`. */
  span(name: string, parent: string | undefined): Span;
}

/** Traces nothing, and hands the trace context on as it came. */
export const noTracer: Tracer = {
  span: (_, traceparent) => ({ traceparent, end: () => undefined }),
};
