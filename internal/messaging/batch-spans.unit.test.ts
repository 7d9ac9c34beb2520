import { expect, test } from "bun:test";
import { noTracer } from "../kernel/telemetry.ts";
import { RecordingTracer, traceparentNo } from "../testkit/recorded-spans.ts";
import { BatchSpans } from "./batch-spans.ts";

type AnyDelivery = Parameters<BatchSpans["contextOf"]>[0];

function delivery(message_id: string, traceparent?: string): AnyDelivery {
  const message = { message_id, saga_id: `saga-${message_id}`, type: "ReserveInventory" } as const;
  return {
    message: traceparent === undefined ? message : { ...message, traceparent },
    raw: () => ({
      topic: "commands",
      partition: 3,
      offset: 7,
      timestampMs: 0,
      key: null,
      value: null,
      headers: [],
    }),
  };
}

function started(tracer: RecordingTracer, deliveries: readonly AnyDelivery[]): BatchSpans {
  const spans = BatchSpans.start(tracer, "inventory", deliveries);
  if (spans === undefined) throw new Error("tracing is on");
  return spans;
}

test("a message continues the trace in which it was created, and its context goes into what it leads to", () => {
  const tracer = new RecordingTracer();
  const [one, other, quiet] = [
    delivery("1", traceparentNo(1)),
    delivery("2", traceparentNo(2)),
    delivery("3"),
  ];
  const deliveries = [quiet, one, other];
  const spans = started(tracer, deliveries);
  const context = spans.contextOf(one, undefined);
  spans.decided(one, []);
  spans.done(deliveries, new Set(["1", "3"]));
  const [batch, first, second] = tracer.spans;
  expect(batch).toMatchObject({
    name: "process commands",
    kind: "consumer",
    parent: traceparentNo(1),
    links: [traceparentNo(1), traceparentNo(2)],
    attributes: { "messaging.batch.message_count": 3, "checkout.batch.duplicates": 1 },
    isEnded: true,
  });
  expect(first).toMatchObject({
    name: "process commands ReserveInventory",
    parent: traceparentNo(1),
    links: [batch?.traceparent],
    attributes: {
      "messaging.message.id": "1",
      "messaging.destination.partition.id": "3",
      "messaging.kafka.offset": 7,
      "messaging.consumer.group.name": "inventory",
      "saga.id": "saga-1",
      "checkout.outcome": "nothing",
    },
    isEnded: true,
  });
  expect(context).toBe(first?.traceparent);
  expect(second).toMatchObject({ attributes: { "checkout.outcome": "duplicate" }, isEnded: true });
  expect(tracer.spans).toHaveLength(3);
});

test("a message without a trace joins the one that its saga keeps", () => {
  const tracer = new RecordingTracer();
  const late = delivery("1");
  const spans = started(tracer, [late]);
  expect(tracer.spans).toEqual([]);
  expect(spans.contextOf(late, undefined)).toBeUndefined();
  expect(spans.contextOf(late, traceparentNo(5))).toBe(tracer.spans[0]?.traceparent ?? "no span");
  spans.done([late], new Set(["1"]));
  expect(tracer.spans).toMatchObject([{ parent: traceparentNo(5), links: [], isEnded: true }]);
});

test("a transaction that fails is a failed span of each message, and of the batch", () => {
  const tracer = new RecordingTracer();
  const error = new Error("no");
  started(tracer, [delivery("1", traceparentNo(1))]).failed(error);
  expect(tracer.spans.map(({ failure, isEnded }) => [failure, isEnded])).toEqual([
    [error, true],
    [error, true],
  ]);
});

test("without tracing there is nothing to allocate", () => {
  expect(BatchSpans.start(noTracer, "inventory", [delivery("1", traceparentNo(1))])).toBeUndefined();
});
