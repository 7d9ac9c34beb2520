// Records spans with the OpenTelemetry SDK and sends them to a collector by OTLP. The one place that knows the SDK; everybody else sees
// the Tracer of internal/kernel/telemetry.ts. Opened by lifecycle.ts for every role.
//
// Parents are passed by hand, as `traceparent`, because work changes hands through rows, batches and queues here, where a context that
// follows async calls would be lost or wrong. So no context manager is registered, and work without a recorded trace costs nothing.
import { hostname } from "node:os";
import {
  type AttributeValue,
  type Context,
  type Link,
  ROOT_CONTEXT,
  SpanKind as Kinds,
} from "@opentelemetry/api";
import {
  type Span as SdkSpan,
  SpanStatusCode,
  TraceFlags,
  type Tracer as SdkTracer,
  trace,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { AppError } from "../../kernel/errors.ts";
import { DATABASE_STATUS, ERROR_TYPE } from "../../kernel/span-attributes.ts";
import {
  parseTraceparent,
  passingSpan,
  type Span,
  type SpanAttributes,
  type SpanKind,
  type SpanOptions,
  type TraceContext,
  type Tracer,
} from "../../kernel/telemetry.ts";
import { OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";

/** The largest batch of anybody, a publisher's. The SDK's own limit is 128, and it would keep the last ones. */
const MAX_LINKS = 20_000;
const MAX_QUEUED_SPANS = 20_000;
const MAX_EXPORTED_SPANS = 1_000;
const EXPORT_EVERY_MS = 1_000;
/** Also how long a stopping role waits for a collector that does not answer. */
const EXPORT_TIMEOUT_MS = 3_000;

const KINDS: Readonly<Record<SpanKind, Kinds>> = {
  internal: Kinds.INTERNAL,
  server: Kinds.SERVER,
  client: Kinds.CLIENT,
  consumer: Kinds.CONSUMER,
};

export interface TracingOptions extends Omit<OtlpExporterOptions, "timeoutMs"> {
  /** The binary's name, for example `checkout-payment`. */
  readonly role: string;
  readonly version: string;
}

/** Dispose of it last: what other resources do when they close is recorded too. */
export class OpenTelemetry implements Tracer, AsyncDisposable {
  readonly isOn = true;
  readonly #provider: TracerProvider;
  readonly #tracer: SdkTracer;

  constructor({ role, version, ...exporting }: TracingOptions) {
    const exporter = new OtlpExporter({ ...exporting, timeoutMs: EXPORT_TIMEOUT_MS });
    this.#provider = new TracerProvider({
      // Whether a trace is recorded is decided before the SDK is asked.
      sampler: new AlwaysOnSampler(),
      spanLimits: { linkCountLimit: MAX_LINKS },
      resource: resourceFromAttributes({
        "service.namespace": "checkout",
        "service.name": role,
        "service.version": version,
        "service.instance.id": `${hostname()}:${process.pid}`,
      }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: MAX_QUEUED_SPANS,
          maxExportBatchSize: MAX_EXPORTED_SPANS,
          scheduledDelayMillis: EXPORT_EVERY_MS,
          exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer("checkout", version);
  }

  span(name: string, parent: string | undefined, options: SpanOptions = {}): Span {
    const context = parseTraceparent(parent);
    if (context?.isSampled !== true) return passingSpan(parent);
    return this.#start(name, trace.setSpanContext(ROOT_CONTEXT, remote(context)), options);
  }

  root(name: string, options: SpanOptions = {}): Span {
    return this.#start(name, ROOT_CONTEXT, options);
  }

  /** Sends what is recorded. A collector that does not answer is given up after a few seconds; its spans are lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#provider.shutdown().catch(() => undefined);
  }

  #start(
    name: string,
    parent: Context,
    { kind = "internal", attributes = {}, links = [] }: SpanOptions,
  ): Span {
    const options = { kind: KINDS[kind], attributes: { ...attributes }, links: links.flatMap(linkTo) };
    return new RecordedSpan(this.#tracer.startSpan(name, options, parent));
  }
}

class RecordedSpan implements Span {
  readonly traceparent: string;
  readonly #span: SdkSpan;
  #isEnded = false;

  constructor(span: SdkSpan) {
    this.#span = span;
    const { traceId, spanId } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-01`;
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: SpanAttributes): void {
    const values: Readonly<Record<string, AttributeValue>> = attributes;
    this.#span.setAttributes(values);
  }

  /** Without the error's message and stack, which may quote what a shopper or another system wrote. */
  fail(error: unknown): void {
    this.#span.setAttribute(ERROR_TYPE, errorTypeOf(error));
    const state = codeOf(error instanceof AppError ? error.cause : error);
    if (state !== undefined && SQL_STATE.test(state)) this.#span.setAttribute(DATABASE_STATUS, state);
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#span.end();
  }
}

function remote({ trace_id, span_id }: TraceContext) {
  return { traceId: trace_id, spanId: span_id, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** Only to work in recorded traces. */
function linkTo(traceparent: string): readonly Link[] {
  const context = parseTraceparent(traceparent);
  return context?.isSampled === true ? [{ context: remote(context) }] : [];
}

/** Our code, the code of a driver (SQLSTATE, librdkafka), or the name of the error's class: closed sets all three. */
function errorTypeOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (typeof error === "string") return error;
  if (typeof error !== "object" || error === null) return typeof error;
  return codeOf(error) ?? (error instanceof Error ? error.name : "object");
}

/** Each has a digit, unlike EPIPE. */
const SQL_STATE = /^(?=.*\d)[0-9A-Z]{5}$/;

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^[\w.-]{1,60}$/.test(error.code) ? error.code : undefined;
}
