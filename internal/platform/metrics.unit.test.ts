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
