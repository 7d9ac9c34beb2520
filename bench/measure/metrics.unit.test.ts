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

test("a counter is not taken for one with a longer name, and one that is missing has no sum", () => {
  const metrics = parseMetrics(`# TYPE checkout_mails_sent_total counter
checkout_mails_sent_total{template="order_confirmed"} 3
checkout_mails_sent_total{template="order_failed"} 4
checkout_mails_sent_total_created 1700000000
checkout_orders_total 5
`);
  expect(metrics.get("checkout_mails_sent_total")).toBe(7);
  expect(metrics.get("checkout_orders_total")).toBe(5);
  expect(metrics.has("checkout_nothing_total")).toBe(false);
});
