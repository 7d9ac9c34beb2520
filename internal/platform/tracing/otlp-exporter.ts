// Sends spans to a collector by OTLP over HTTP, as JSON, with Bun's own client. The package's exporter brings a second HTTP client, reads
// settings from the environment by itself, and keeps its queue and its retries to itself; here operators see what was lost. Used by
// tracing.ts.
import { ExportResultCode } from "@opentelemetry/core";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { describeError } from "../../kernel/errors.ts";
import type { Log, Meter } from "../../kernel/telemetry.ts";

const MAX_ATTEMPTS = 2;
/** Answers after which the same request may succeed. */
const MAY_PASS: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const RETRY_AFTER_MS = 500;
const LOG_EVERY_MS = 60_000;

export interface OtlpExporterOptions {
  /** OTLP_URL: the collector's base address. */
  readonly url: string;
  /** OTLP_HEADERS, for a collector that asks who sends. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly meter: Meter;
  readonly log: Log;
}

type Done = Parameters<SpanExporter["export"]>[1];

export class OtlpExporter implements SpanExporter {
  readonly #options: OtlpExporterOptions;
  readonly #address: string;
  readonly #counted: ReturnType<typeof tracingMetrics>;
  readonly #sending = new Set<Promise<void>>();
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    this.#address = `${options.url.replace(/\/$/, "")}/v1/traces`;
    this.#counted = tracingMetrics(options.meter);
  }

  export(spans: ReadableSpan[], done: Done): void {
    const sending = this.#export(spans, done).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#sending);
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }

  async #export(spans: ReadableSpan[], done: Done): Promise<void> {
    try {
      const body = JsonTraceSerializer.serializeRequest(spans);
      if (body !== undefined) await this.#post(body);
      this.#counted.inc({ result: "sent" }, spans.length);
    } catch (error) {
      this.#counted.inc({ result: "lost" }, spans.length);
      this.#logFailure(error, spans.length);
    }
    // A failure is counted and logged here. The SDK would log it as well.
    done({ code: ExportResultCode.SUCCESS });
  }

  /** Tries twice: a collector that restarts is back soon, and waiting longer would only fill the queue. */
  async #post(body: Uint8Array): Promise<void> {
    const { timeoutMs, headers } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(this.#address, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: new Uint8Array(body),
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      if (response.ok) return;
      if (attempt >= MAX_ATTEMPTS || !MAY_PASS.has(response.status))
        throw new Error(`the collector answered ${response.status}`);
      await Bun.sleep(RETRY_AFTER_MS);
    }
  }

  #logFailure(error: unknown, spans: number): void {
    const now = performance.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    const fields = { url: this.#address, spans, err: error };
    this.#options.log.warn(
      fields,
      `spans are lost, the collector does not take them: ${describeError(error)}`,
    );
  }
}

/** Register once per process. */
export function tracingMetrics(meter: Meter) {
  return meter.counter(
    "trace_spans_total",
    "Recorded spans, by whether the collector has them (sent) or not (lost)",
    ["result"],
  );
}
