import { expect, test } from "bun:test";
import { RecordingTracer, traceparentNo } from "../testkit/recorded-spans.ts";
import { noSpan, noTracer, passingSpan, withinSpan } from "./telemetry.ts";

test("a span that records nothing passes on the context that it was given", () => {
  expect(passingSpan(traceparentNo(1)).traceparent).toBe(traceparentNo(1));
  expect(noTracer.span("process", traceparentNo(1)).traceparent).toBe(traceparentNo(1));
  expect(passingSpan(undefined)).toBe(noSpan);
});

test("a span ends with its work, and fails with it", async () => {
  const tracer = new RecordingTracer();
  const done = withinSpan(tracer.root("good"), async () => {
    await Promise.resolve();
    expect(tracer.spans).toMatchObject([{ isEnded: false }]);
    return 7;
  });
  expect(await done).toBe(7);
  const boom = new Error("boom");
  const failed = withinSpan(tracer.root("bad"), () => Promise.reject(boom));
  expect(await failed.catch((error: unknown) => error)).toBe(boom);
  expect(tracer.spans.map(({ failure, isEnded }) => [failure, isEnded])).toEqual([
    [undefined, true],
    [boom, true],
  ]);
});
