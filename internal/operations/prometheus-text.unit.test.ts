import { expect, test } from "bun:test";
import { Metrics } from "../platform/metrics.ts";
import { samplesOf, valueOf } from "./prometheus-text.ts";

test("reads what our roles expose: names, labels with quotes, infinity", async () => {
  const metrics = new Metrics();
  metrics.counter("things_total", "Things", ["kind"]).inc({ kind: 'a "b" \\ c\nd, e}' }, 3);
  metrics.histogram("wait_seconds", "Waits", [], [1]).observe({}, 2);
  const samples = samplesOf((await metrics.expose()).text);
  expect(samples).toContainEqual({
    name: "checkout_things_total",
    labels: { kind: 'a "b" \\ c\nd, e}' },
    value: 3,
  });
  expect(samples).toContainEqual({ name: "checkout_wait_seconds_bucket", labels: { le: "1" }, value: 0 });
  expect(samples).toContainEqual({ name: "checkout_wait_seconds_bucket", labels: { le: "+Inf" }, value: 1 });
  expect(valueOf(samples, "process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
});

test("a value is only taken where it is the only one", () => {
  const samples = samplesOf('a{x="1"} 1\na{x="2"} 2\nb 5 1700000000000\nnonsense\nc +Inf\nd{} -Inf');
  expect(valueOf(samples, "a")).toBeUndefined();
  expect(valueOf(samples, "b")).toBe(5);
  expect(valueOf(samples, "c")).toBe(Infinity);
  expect(valueOf(samples, "d")).toBe(-Infinity);
  expect(valueOf(samples, "nonsense")).toBeUndefined();
});
