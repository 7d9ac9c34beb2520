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
  ): {
    /** `trace_id`: a recorded trace in which this was measured; the metric then leads to it. */
    observe(labels: Labels, value: number, trace_id?: string): void;
  };
}

/** What a span did: `client` asks another process, `server` answers it, `consumer` handles messages. */
export type SpanKind = "internal" | "server" | "client" | "consumer";

/** Names are in span-attributes.ts. Never a person's data, a token or an address: traces are kept and shown to more people than rows. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** Default: `internal`. */
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
  /** W3C trace contexts of the work that this span does together, for example the messages of a batch. */
  readonly links?: readonly string[];
}

/** A piece of work in a trace. */
export interface Span {
  /** W3C trace context for follow-up work; undefined if nothing records its trace. */
  readonly traceparent: string | undefined;
  /** A name with ids in it makes every trace a kind of its own; use the route or the type. */
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** Marks the span as failed, with the kind of the error and never its text. */
  fail(error: unknown): void;
  end(): void;
}

/** Records spans. Whether a trace is recorded is decided once, where it begins; see internal/gateway/head-sampling.ts. */
export interface Tracer {
  /** False: nothing is ever recorded, so nobody needs to collect attributes or links. */
  readonly isOn: boolean;
  /**
   * Starts a span under `parent`, a W3C `traceparent`. Without a parent, or if its trace is not recorded, the span records nothing and
   * passes the parent on unchanged.
   */
  span(name: string, parent: string | undefined, options?: SpanOptions): Span;
  /** Starts a trace that is recorded. */
  root(name: string, options?: SpanOptions): Span;
}

/** Records nothing. */
export const noSpan: Span = {
  traceparent: undefined,
  rename: () => undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

/** Records nothing and passes the trace context on unchanged. */
export function passingSpan(traceparent: string | undefined): Span {
  return traceparent === undefined ? noSpan : { ...noSpan, traceparent };
}

/** Records nothing and passes trace contexts on unchanged. */
export const noTracer: Tracer = {
  isOn: false,
  span: (_, traceparent) => passingSpan(traceparent),
  root: () => noSpan,
};

/** Does the work, and ends the span with it. If the work fails, so does the span. */
export async function withinSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

/** The parts of a W3C `traceparent`: version, trace id, span id, flags. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

export interface TraceContext {
  readonly trace_id: string;
  readonly span_id: string;
  /** Whether the trace is recorded. */
  readonly isSampled: boolean;
}

/** Undefined if the text is not valid. */
export function parseTraceparent(text: string | null | undefined): TraceContext | undefined {
  const [, trace_id, span_id, flags] = TRACEPARENT.exec(text ?? "") ?? [];
  if (trace_id === undefined || span_id === undefined || flags === undefined) return undefined;
  return { trace_id, span_id, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The fields of a log line about work in a trace; none for a trace that is not recorded. */
export function traceFields(traceparent: string | null | undefined): {
  readonly trace_id?: string;
  readonly span_id?: string;
} {
  if (traceparent === undefined || traceparent === null) return {};
  const context = parseTraceparent(traceparent);
  if (context?.isSampled !== true) return {};
  return { trace_id: context.trace_id, span_id: context.span_id };
}
