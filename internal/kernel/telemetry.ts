// Interfaces for logs, metrics and traces. Only internal/platform opens the real ones.

/** A structured log with pino's signature: fields first, then the message. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type Labels = Readonly<Record<string, string>>;

/** Registers metrics, with the Prometheus client's signatures. */
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
  /** W3C trace context for follow-up work; undefined without tracing. */
  readonly traceparent: string | undefined;
  end(): void;
}

export interface Tracer {
  /** Starts a span under `parent`, a W3C `traceparent`. */
  span(name: string, parent: string | undefined): Span;
}

/** Records nothing and passes the trace context on unchanged. */
export const noTracer: Tracer = {
  span: (_, traceparent) => ({ traceparent, end: () => undefined }),
};
