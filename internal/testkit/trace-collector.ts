// A collector for tests: takes OTLP in JSON as any collector does, and keeps the spans. Used by tracing tests, and by hand with
// `bun internal/testkit/trace-collector.ts PORT`, which prints each span.
import { waitUntil } from "../stack/wait.ts";

export interface CollectedSpan {
  /** The binary that recorded it. */
  readonly role: string;
  readonly name: string;
  /** As OTLP numbers them: 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the root of a trace. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly droppedLinks: number;
  readonly isFailed: boolean;
  /** Everything that was sent about it and its process, as text. */
  readonly text: string;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly droppedLinksCount?: number;
  readonly status?: { readonly code?: number };
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

const STATUS_ERROR = 2;

export class TraceCollector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  /** The status of its answers; for tests of a collector that fails. */
  answersWith = 200;
  readonly #server: Bun.Server<undefined>;

  constructor({
    port = 0,
    onSpan,
  }: { readonly port?: number; readonly onSpan?: (span: CollectedSpan) => void } = {}) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port,
      routes: {
        "/v1/traces": {
          POST: async (request) => {
            if (this.answersWith !== 200) return new Response(null, { status: this.answersWith });
            const taken = spansOf(JSON.parse(await request.text()));
            this.spans.push(...taken);
            for (const span of taken) onSpan?.(span);
            return Response.json({ partialSuccess: {} });
          },
        },
      },
      fetch: () => new Response(null, { status: 404 }),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  trace(traceId: string): readonly CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** Waits until the trace is as `isThere` says, and returns it. */
  async untilTrace(
    traceId: string,
    what: string,
    isThere: (spans: readonly CollectedSpan[]) => boolean,
    timeoutMs = 20_000,
  ): Promise<readonly CollectedSpan[]> {
    await waitUntil(what, () => isThere(this.trace(traceId)), { timeoutMs }).catch((cause: unknown) => {
      const names = this.trace(traceId).map(({ role, name }) => `${role}: ${name}`);
      throw new Error(`trace ${traceId} has ${names.length} spans: ${names.join(", ")}`, { cause });
    });
    return this.trace(traceId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

/** The spans whose parent is not in the same trace, besides its root. */
export function orphansOf(spans: readonly CollectedSpan[]): readonly string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans
    .filter(({ parentSpanId }) => parentSpanId !== "" && !ids.has(parentSpanId))
    .map(({ role, name }) => `${role}: ${name}`);
}

function spansOf(request: OtlpRequest): readonly CollectedSpan[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        role: textsOf(resource.attributes)["service.name"] ?? "",
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        attributes: textsOf(span.attributes ?? []),
        links: span.links ?? [],
        droppedLinks: span.droppedLinksCount ?? 0,
        isFailed: span.status?.code === STATUS_ERROR,
        text: JSON.stringify([resource, span]),
      })),
    ),
  );
}

function textsOf(attributes: readonly Attribute[]): Readonly<Record<string, string>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}

if (import.meta.main) {
  const collector = new TraceCollector({
    port: Number(Bun.argv[2] ?? 4_318),
    onSpan: ({ traceId, role, name, attributes }) =>
      console.log(traceId, role, name, JSON.stringify(attributes)),
  });
  console.log(`takes traces at ${collector.url}`);
}
