// Parses metrics into sums over labels and single series.
import { expect, test } from "bun:test";
import { parseMetrics } from "./metrics.ts";

test("sums over all labels, and each series", () => {
  const metrics = parseMetrics(
    `# HELP ended Sagas\n# TYPE ended counter\nended{status="A"} 2\nended{status="B"} 3\nstarted 7\n`,
  );
  expect(Object.fromEntries(metrics)).toEqual({
    ended: 5,
    'ended{status="A"}': 2,
    'ended{status="B"}': 3,
    started: 7,
  });
});
