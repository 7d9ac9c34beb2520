import { expect, test } from "bun:test";
import { noTracer, type Tracer } from "../kernel/telemetry.ts";
import { RecordingTracer, traceparentNo, TRACE_ID } from "../testkit/recorded-spans.ts";
import { type Beginning, HeadSampling } from "./head-sampling.ts";
import { RequestTraces } from "./request-traces.ts";

type Answered = Parameters<ConstructorParameters<typeof RequestTraces>[0]["metrics"]["answered"]>;

function tracesWith(tracer: Tracer, beginning: Beginning) {
  const answered: Answered[] = [];
  const metrics = { answered: (...seen: Answered) => void answered.push(seen) };
  return { traces: new RequestTraces({ tracer, sampling: { decide: () => beginning }, metrics }), answered };
}

const ROOT: Beginning = { kind: "root" };
const requestTo = (path: string, init: RequestInit = {}) => new Request(`http://localhost${path}`, init);

test("a traced request is a span with route and status, and its trace an example of its time", async () => {
  const tracer = new RecordingTracer();
  const { traces, answered } = tracesWith(tracer, ROOT);
  const request = requestTo("/api/v1/saga/0189/status?wait=1");
  const response = await traces.within(request, () => {
    traces.routed(request, "/api/v1/saga/:id/status");
    expect(traces.contextOf(request)).toBe(tracer.spans[0]?.traceparent ?? "none");
    return new Response("ok");
  });
  expect(await response.text()).toBe("ok");
  expect(tracer.spans).toMatchObject([
    {
      name: "GET /api/v1/saga/:id/status",
      kind: "server",
      parent: null,
      attributes: {
        "http.request.method": "GET",
        "http.route": "/api/v1/saga/:id/status",
        "http.response.status_code": 200,
      },
      failure: undefined,
      isEnded: true,
    },
  ]);
  expect(answered).toMatchObject([
    [{ method: "GET", route: "/api/v1/saga/:id/status", status: 200 }, TRACE_ID],
  ]);
});

test("a fault of ours is a failed span, a rejection is not", async () => {
  const tracer = new RecordingTracer();
  const { traces } = tracesWith(tracer, ROOT);
  for (const status of [422, 503]) await traces.within(requestTo("/"), () => new Response(null, { status }));
  const boom = new Error("boom");
  const thrown = traces.within(requestTo("/"), () => Promise.reject(boom));
  expect(await thrown.catch((error: unknown) => error)).toBe(boom);
  expect(tracer.spans.map(({ failure, isEnded }) => [failure, isEnded])).toEqual([
    [undefined, true],
    ["503", true],
    ["500", true],
  ]);
});

test("a caller's trace is continued", async () => {
  const tracer = new RecordingTracer();
  const { traces } = tracesWith(tracer, { kind: "child", parent: traceparentNo(7) });
  await traces.within(requestTo("/"), () => new Response());
  expect(tracer.spans).toMatchObject([{ parent: traceparentNo(7) }]);
});

test("an untraced request is only counted, and invented methods share a label", async () => {
  const tracer = new RecordingTracer();
  const { traces, answered } = tracesWith(tracer, { kind: "unrecorded" });
  const request = requestTo("/nowhere", { method: "PROPFIND", headers: { traceparent: traceparentNo(7) } });
  await traces.within(request, () => {
    expect(traces.contextOf(request)).toBeUndefined();
    return new Response(null, { status: 404 });
  });
  expect(tracer.spans).toEqual([]);
  expect(answered).toMatchObject([[{ method: "other", route: "", status: 404 }, undefined]]);
});

test("with tracing off the context of a caller that records goes on, no more often than with tracing on", async () => {
  const sampling = new HeadSampling({ ratio: 0, askedPerSecond: 2, random: () => 0, monotonic: () => 0 });
  const metrics = { answered: () => undefined };
  const traces = new RequestTraces({ tracer: noTracer, sampling, metrics });
  const contexts: (string | undefined)[] = [];
  const asked = [7, 8, 9].map((number) => traceparentNo(number));
  for (const traceparent of [traceparentNo(6).replace(/01$/, "00"), "nonsense", ...asked]) {
    const request = requestTo("/", { headers: { traceparent } });
    await traces.within(request, () => {
      contexts.push(traces.contextOf(request));
      return new Response();
    });
  }
  expect(contexts).toEqual([undefined, undefined, traceparentNo(7), traceparentNo(8), undefined]);
});
