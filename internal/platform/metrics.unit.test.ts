// What a scrape shows of a gauge that is read at each scrape.
import { expect, test } from "bun:test";
import { Metrics } from "./metrics.ts";

test("a gauge with labels shows what was read at this scrape, and nothing of the last one", async () => {
  const metrics = new Metrics();
  let topics: readonly string[] = ["a", "b"];
  metrics.gauge("lag", "Lag", ["topic"], () => topics.map((topic) => [{ topic }, topics.length] as const));
  const shown = async () =>
    (await metrics.expose()).text.split("\n").filter((line) => line.startsWith("checkout_lag"));
  expect(await shown()).toEqual(['checkout_lag{topic="a"} 2', 'checkout_lag{topic="b"} 2']);
  topics = ["b"];
  expect(await shown()).toEqual(['checkout_lag{topic="b"} 1']);
  topics = [];
  expect(await shown()).toEqual([]);
});

test("a client that asks for OpenMetrics gets traces as examples, and the names stay for all others", async () => {
  const metrics = new Metrics();
  metrics.counter("things_total", "Things", ["kind"]).inc({ kind: "a" }, 2);
  const seconds = metrics.histogram("wait_seconds", "Waits", ["route"], [1, 5]);
  seconds.observe({ route: "/a" }, 2, "4bf92f3577b34da6a3ce929d0e0e4736");
  seconds.observe({ route: "/a" }, 3);
  const plain = await metrics.expose();
  const open = await metrics.expose("application/openmetrics-text; version=1.0.0,text/plain;q=0.5");
  expect(open.contentType).toStartWith("application/openmetrics-text");
  expect(open.text).toContain("# TYPE checkout_things counter\n");
  expect(open.text).toContain('checkout_things_total{kind="a"} 2\n');
  expect(open.text).toMatch(
    /checkout_wait_seconds_bucket\{le="5",route="\/a"\} 2 # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 2 \d/,
  );
  expect(open.text).toMatch(/process_cpu_seconds_total \d/);
  expect(open.text).toEndWith("\n# EOF\n");
  // The client itself would cut `_total` from the names in this format from now on.
  const again = await metrics.expose("text/plain");
  expect(again.contentType).toStartWith("text/plain");
  const namesIn = (text: string) => text.split("\n").filter((line) => line.startsWith("# TYPE"));
  expect(namesIn(again.text)).toEqual(namesIn(plain.text));
  expect(again.text).toContain('checkout_things_total{kind="a"} 2');
  expect(again.text).not.toContain("trace_id");
});
