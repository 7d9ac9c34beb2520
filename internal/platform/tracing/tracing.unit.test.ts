// What a collector gets, through the SDK and over HTTP.
import { expect, test } from "bun:test";
import * as conventions from "@opentelemetry/semantic-conventions";
import { AppError } from "../../kernel/errors.ts";
import * as names from "../../kernel/span-attributes.ts";
import { noSpan, parseTraceparent } from "../../kernel/telemetry.ts";
import { checkedMeter, ignore, noLog, noMeter } from "../../testkit/noop-telemetry.ts";
import { traceparentNo } from "../../testkit/recorded-spans.ts";
import { orphansOf, TraceCollector } from "../../testkit/trace-collector.ts";
import { OpenTelemetry } from "./tracing.ts";

/** Everything that the collector has once the tracer is closed. */
async function collected(work: (tracer: OpenTelemetry) => void, options = {}) {
  await using collector = new TraceCollector();
  {
    await using tracer = new OpenTelemetry({ ...SETTINGS, url: collector.url, ...options });
    work(tracer);
  }
  return collector.spans;
}

const SETTINGS = { role: "checkout-example", version: "1.2.3", meter: noMeter, log: noLog };

test("a trace arrives with its parents, kinds and attributes", async () => {
  const spans = await collected((tracer) => {
    const root = tracer.root("GET", {
      kind: "server",
      attributes: { "http.route": "/a", count: 2, ok: true },
    });
    root.rename("GET /a");
    const child = tracer.span("call", root.traceparent, { kind: "client" });
    child.set({ "server.address": "b" });
    child.end();
    root.end();
  });
  expect(orphansOf(spans)).toEqual([]);
  expect(spans).toMatchObject([
    { name: "call", kind: 3, role: "checkout-example", attributes: { "server.address": "b" } },
    { name: "GET /a", kind: 2, parentSpanId: "", attributes: { "http.route": "/a", count: "2", ok: "true" } },
  ]);
  expect(spans[0]?.parentSpanId).toBe(spans[1]?.spanId ?? "none");
  expect(spans[0]?.text).toContain("1.2.3");
});

test("a span continues a trace that another process records, and passes on one that nobody records", async () => {
  const unrecorded = traceparentNo(1).replace(/01$/, "00");
  const spans = await collected((tracer) => {
    const span = tracer.span("process", traceparentNo(0xb7));
    expect(parseTraceparent(span.traceparent)).toMatchObject({
      trace_id: parseTraceparent(traceparentNo(1))?.trace_id,
      isSampled: true,
    });
    span.end();
    expect(tracer.span("process", undefined)).toBe(noSpan);
    for (const parent of [unrecorded, "nonsense"]) {
      const passing = tracer.span("process", parent);
      expect(passing.traceparent).toBe(parent);
      passing.end();
    }
  });
  expect(spans).toMatchObject([{ name: "process", parentSpanId: "00000000000000b7" }]);
});

test("a large batch keeps its links; the SDK alone would keep 128", async () => {
  const links = Array.from({ length: 2_000 }, (_, index) => traceparentNo(index + 1));
  const unrecorded = traceparentNo(1).replace(/01$/, "00");
  const spans = await collected((tracer) =>
    tracer.span("process", links[0], { links: [...links, unrecorded] }).end(),
  );
  expect(spans.map((span) => [span.links.length, span.droppedLinks])).toEqual([[2_000, 0]]);
});

test("a failure is told by its code, and never by its text", async () => {
  const canary = "ada@example.com";
  const failures = [
    new AppError("DATABASE_REFUSED", canary, { cause: Object.assign(new Error(canary), { code: "23514" }) }),
    Object.assign(new Error(canary), { code: "23514", detail: canary }),
    new TypeError(canary),
    { code: canary, message: canary },
    "declined",
    null,
    Object.assign(new Error(canary), { code: "EPIPE" }),
  ];
  const spans = await collected((tracer) => {
    for (const failure of failures) {
      const span = tracer.root("work");
      span.fail(failure);
      span.end();
      // Ended twice, it arrives once.
      span.end();
    }
  });
  expect(spans.map(({ attributes, isFailed }) => [attributes["error.type"], isFailed])).toEqual([
    ["DATABASE_REFUSED", true],
    ["23514", true],
    ["TypeError", true],
    ["object", true],
    ["declined", true],
    ["object", true],
    ["EPIPE", true],
  ]);
  // EPIPE looks like one, too.
  const states = spans.map(({ attributes }) => attributes["db.response.status_code"]);
  expect(states).toEqual(["23514", "23514", undefined, undefined, undefined, undefined, undefined]);
  expect(JSON.stringify(spans)).not.toContain("ada@");
});

test("a collector that refuses costs its spans, a log line and no more", async () => {
  const counted: string[] = [];
  const lines: unknown[] = [];
  const meter = checkedMeter((name, labels) => void counted.push(`${name} ${labels["result"]}`));
  await using collector = new TraceCollector();
  collector.answersWith = 400;
  {
    const log = { ...noLog, warn: (fields: object) => void lines.push(fields) };
    await using tracer = new OpenTelemetry({ ...SETTINGS, url: `${collector.url}/`, meter, log });
    tracer.root("work").end();
  }
  expect(counted).toEqual(["trace_spans_total lost"]);
  expect(lines).toMatchObject([{ url: `${collector.url}/v1/traces`, spans: 1 }]);
});

test("a collector that is busy gets the same spans again", async () => {
  const counted: string[] = [];
  const seen: (string | null)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      return new Response(null, { status: seen.length === 1 ? 503 : 200 });
    },
  });
  const meter = checkedMeter((_, labels) => void counted.push(labels["result"] ?? ""));
  {
    const url = `http://127.0.0.1:${server.port}`;
    await using tracer = new OpenTelemetry({
      ...SETTINGS,
      url,
      meter,
      headers: { authorization: "Bearer x" },
    });
    tracer.root("work").end();
  }
  await server.stop(true);
  expect([seen, counted]).toEqual([["Bearer x", "Bearer x"], ["sent"]]);
});

test("nobody at the collector's address does not keep a role from stopping", async () => {
  await using tracer = new OpenTelemetry({ ...SETTINGS, url: "http://127.0.0.1:9" });
  tracer.root("work").end();
  expect(await tracer[Symbol.asyncDispose]().then(ignore)).toBeUndefined();
});

test("the names that are stable are those of the conventions", () => {
  expect({
    HTTP_METHOD: names.HTTP_METHOD,
    HTTP_ROUTE: names.HTTP_ROUTE,
    HTTP_STATUS: names.HTTP_STATUS,
    SERVER_ADDRESS: names.SERVER_ADDRESS,
    SERVER_PORT: names.SERVER_PORT,
    ERROR_TYPE: names.ERROR_TYPE,
    DATABASE_STATUS: names.DATABASE_STATUS,
  }).toEqual({
    HTTP_METHOD: conventions.ATTR_HTTP_REQUEST_METHOD,
    HTTP_ROUTE: conventions.ATTR_HTTP_ROUTE,
    HTTP_STATUS: conventions.ATTR_HTTP_RESPONSE_STATUS_CODE,
    SERVER_ADDRESS: conventions.ATTR_SERVER_ADDRESS,
    SERVER_PORT: conventions.ATTR_SERVER_PORT,
    ERROR_TYPE: conventions.ATTR_ERROR_TYPE,
    DATABASE_STATUS: conventions.ATTR_DB_RESPONSE_STATUS_CODE,
  });
});
