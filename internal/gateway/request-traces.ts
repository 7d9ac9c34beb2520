// The span of each traced request, and the time that every request takes. The site (site.ts) begins and ends them, the apps tell the
// route, and the routes ask for the trace context of what they start. Made by cmd/gateway.
import { HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS } from "../kernel/span-attributes.ts";
import { noSpan, passingSpan, type Span, traceFields, type Tracer } from "../kernel/telemetry.ts";
import type { HeadSampling } from "./head-sampling.ts";
import { FIRST_SERVER_ERROR } from "./problem.ts";
import type { HttpMetrics } from "./telemetry.ts";

/** Methods that the gateway serves. Others are in one label, because anybody may invent one. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "OPTIONS"]);

interface OpenRequest {
  readonly span: Span;
  /** As in the routing table, `/api/v1/saga/:id/status`; empty for an address that leads nowhere. */
  route: string;
}

export interface RequestTracesOptions {
  readonly tracer: Tracer;
  readonly sampling: Pick<HeadSampling, "decide">;
  readonly metrics: HttpMetrics;
}

export class RequestTraces {
  readonly #options: RequestTracesOptions;
  readonly #open = new WeakMap<Request, OpenRequest>();

  constructor(options: RequestTracesOptions) {
    this.#options = options;
  }

  /** Answers the request within its span. */
  async within(request: Request, answer: () => Response | Promise<Response>): Promise<Response> {
    const startedAt = performance.now();
    const open: OpenRequest = { span: this.#begin(request), route: "" };
    this.#open.set(request, open);
    try {
      const response = await answer();
      this.#end(request, open, response.status, startedAt);
      return response;
    } catch (error) {
      open.span.fail(error);
      this.#end(request, open, FIRST_SERVER_ERROR, startedAt);
      throw error;
    }
  }

  routed(request: Request, route: string): void {
    const open = this.#open.get(request);
    if (open === undefined) return;
    open.route = route;
    if (open.span === noSpan) return;
    open.span.rename(`${request.method} ${route}`);
    open.span.set({ [HTTP_ROUTE]: route });
  }

  /** For what the request starts; undefined if its trace is not recorded. */
  contextOf(request: Request): string | undefined {
    return this.#open.get(request)?.span.traceparent;
  }

  #begin(request: Request): Span {
    const { tracer, sampling } = this.#options;
    const beginning = sampling.decide(request.headers.get("traceparent"));
    if (beginning.kind === "unrecorded") return noSpan;
    // A role behind this one may record the caller's trace, as rarely as this one would.
    if (!tracer.isOn) return beginning.kind === "child" ? passingSpan(beginning.parent) : noSpan;
    const { method } = request;
    const options = { kind: "server", attributes: { [HTTP_METHOD]: method } } as const;
    return beginning.kind === "root"
      ? tracer.root(method, options)
      : tracer.span(method, beginning.parent, options);
  }

  #end(request: Request, { span, route }: OpenRequest, status: number, startedAt: number): void {
    const method = METHODS.has(request.method) ? request.method : "other";
    const seconds = (performance.now() - startedAt) / 1_000;
    this.#options.metrics.answered(
      { method, route, status, seconds },
      traceFields(span.traceparent).trace_id,
    );
    if (span === noSpan) return;
    span.set({ [HTTP_STATUS]: status });
    if (status >= FIRST_SERVER_ERROR) span.fail(String(status));
    span.end();
  }
}
