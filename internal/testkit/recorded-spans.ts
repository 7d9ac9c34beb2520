// A tracer that keeps what it gets, for unit tests. The ids of its spans are counted up, so that a test can name them.
import {
  noSpan,
  parseTraceparent,
  passingSpan,
  type Span,
  type SpanAttributes,
  type SpanOptions,
  type Tracer,
} from "../kernel/telemetry.ts";

export interface RecordedSpan {
  name: string;
  /** Null: the root of a trace. */
  readonly parent: string | null;
  readonly traceparent: string;
  readonly kind: SpanOptions["kind"];
  readonly links: readonly string[];
  attributes: SpanAttributes;
  failure: unknown;
  isEnded: boolean;
}

/** The trace of `traceparentNo` and of spans below it. */
export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

/** A context in the trace TRACE_ID. */
export function traceparentNo(id: number, traceId: string = TRACE_ID): string {
  return `00-${traceId}-${id.toString(16).padStart(16, "0")}-01`;
}

export class RecordingTracer implements Tracer {
  readonly isOn = true;
  readonly spans: RecordedSpan[] = [];

  span(name: string, parent: string | undefined, options: SpanOptions = {}): Span {
    if (parent === undefined) return noSpan;
    const context = parseTraceparent(parent);
    if (context?.isSampled !== true) return passingSpan(parent);
    return this.#start(name, parent, context.trace_id, options);
  }

  root(name: string, options: SpanOptions = {}): Span {
    return this.#start(name, null, TRACE_ID, options);
  }

  #start(
    name: string,
    parent: string | null,
    traceId: string,
    { kind, attributes = {}, links = [] }: SpanOptions,
  ): Span {
    const traceparent = traceparentNo(0xa0 + this.spans.length, traceId);
    const recorded: RecordedSpan = {
      name,
      parent,
      traceparent,
      kind,
      links,
      attributes,
      failure: undefined,
      isEnded: false,
    };
    this.spans.push(recorded);
    return {
      traceparent,
      rename: (other) => void (recorded.name = other),
      set: (more) => void (recorded.attributes = { ...recorded.attributes, ...more }),
      fail: (error) => void (recorded.failure = error),
      end: () => void (recorded.isEnded = true),
    };
  }
}
