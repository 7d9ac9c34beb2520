import { expect, test } from "bun:test";
import { noTracer } from "../kernel/telemetry.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { RecordingTracer, traceparentNo } from "../testkit/recorded-spans.ts";
import { endSends, startSends } from "./send-spans.ts";

/** Records as the outbox makes them (`JSON.stringify`), or as Postgres does (with a space after a colon). */
function textOf(
  ...records: readonly { readonly topic: string; readonly body: object; readonly spaced?: boolean }[]
) {
  return records
    .map(({ topic, body, spaced = false }) => {
      const json = JSON.stringify(body);
      return [topic, "key", "Type", spaced ? json.replaceAll('":"', '": "') : json].join(FIELD_SEPARATOR);
    })
    .join(RECORD_SEPARATOR);
}

test("each topic of a batch has one span, which links to its messages in recorded traces", () => {
  const tracer = new RecordingTracer();
  const text = textOf(
    { topic: "events", body: { a: 1 } },
    { topic: "commands", body: { traceparent: traceparentNo(1) } },
    { topic: "events", body: { traceparent: traceparentNo(2) }, spaced: true },
    { topic: "commands", body: { traceparent: traceparentNo(3) } },
    { topic: "quiet", body: { b: 2 } },
  );
  const spans = startSends(tracer, "saga", text);
  endSends(spans);
  expect(tracer.spans).toMatchObject([
    {
      name: "send events",
      kind: "client",
      parent: traceparentNo(2),
      links: [traceparentNo(2)],
      attributes: { "messaging.destination.name": "events", "messaging.batch.message_count": 2 },
      isEnded: true,
      failure: undefined,
    },
    {
      name: "send commands",
      parent: traceparentNo(1),
      links: [traceparentNo(1), traceparentNo(3)],
      attributes: { "messaging.batch.message_count": 2, "checkout.outbox": "saga" },
    },
  ]);
});

test("the word in a shopper's text is no trace context", () => {
  const tracer = new RecordingTracer();
  const trap = `"traceparent":"${traceparentNo(9)}"`;
  expect(startSends(tracer, "saga", textOf({ topic: "commands", body: { note: trap } }))).toEqual([]);
  expect(tracer.spans).toEqual([]);
});

test("a batch without a recorded trace has no span, and without tracing no batch has one", () => {
  const traced = textOf({ topic: "commands", body: { traceparent: traceparentNo(1) } });
  const tracer = new RecordingTracer();
  const none = startSends(tracer, "saga", textOf({ topic: "commands", body: {} }));
  expect(tracer.spans).toEqual([]);
  // The same object each time: nothing is allocated.
  expect(startSends(noTracer, "saga", traced)).toBe(none);
});

test("a batch that Kafka does not take is a failed span", () => {
  const tracer = new RecordingTracer();
  const spans = startSends(
    tracer,
    "saga",
    textOf({ topic: "commands", body: { traceparent: traceparentNo(1) } }),
  );
  endSends(spans, { index: 0, code: "_MSG_TIMED_OUT", message: "" });
  expect(tracer.spans).toMatchObject([{ failure: { code: "_MSG_TIMED_OUT" }, isEnded: true }]);
});
