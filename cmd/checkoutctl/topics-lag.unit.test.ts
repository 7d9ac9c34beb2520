// `topics lag`: which partition is stuck between two looks, and what it says of members that are not known.
import { expect, test } from "bun:test";
import type { PartitionReading, TopicReading } from "../../schemas/overview.ts";
import { reportOf, textOf } from "./commands/topics-lag.ts";

const LOOKED_AT = 1_000;
const A = { id: "order-1b2c", instance: "order-a", host: "10.0.0.7" };
const B = { id: "order-9f", instance: null, host: "10.0.0.8" };
const at = (lag: number, more: Partial<PartitionReading> = {}): PartitionReading => ({
  group: "order",
  committed: 10,
  lag,
  unmoved_since: lag === 0 ? null : 900,
  member: A,
  ...more,
});
const readingOf = (
  groups: readonly PartitionReading[],
  state: Partial<TopicReading["groups"][number]> = {},
): TopicReading => ({
  partitions: groups.map((one, partition) => ({ partition, first: 0, end: 20, groups: [one] })),
  groups: [{ group: "order", state: "Stable", unknown: null, ...state }],
});
const report = (reading: TopicReading) =>
  reportOf([["checkout-commands", reading]], { seconds: 3, lookedAt: LOOKED_AT });
const rows = (reading: TopicReading, all = false) =>
  textOf(report(reading), all)
    .split("\n")
    .map((line) => line.split(/ {2,}/));

test("a partition is stuck if messages waited at the first look and nothing has moved since", () => {
  const reading = readingOf([at(7), at(9, { member: B, unmoved_since: 2_000 }), at(0)]);
  expect(report(reading).lines.map(({ partition, stuck }) => [partition, stuck])).toEqual([
    [0, true],
    [1, false],
    [2, false],
  ]);
  expect(rows(reading).slice(1)).toEqual([
    ["order", "checkout-commands", "0", "10", "20", "7", "order-a", "10.0.0.7", "STUCK for 3 s or longer"],
    ["order", "checkout-commands", "1", "10", "20", "9", "order-9f", "10.0.0.8", "not stuck"],
  ]);
  expect(rows(reading, true)).toHaveLength(4);
});

test("that nobody reads, and that the reader is not known, are two answers", () => {
  const nobody = readingOf([at(7, { member: null, committed: null })], { state: "Empty" });
  expect(rows(nobody)[1]?.slice(3, 7)).toEqual(["nothing", "20", "7", "nobody (Empty)"]);
  const unknown = readingOf([at(7, { member: null })], { state: null, unknown: "Kafka did not answer" });
  const [, line, last] = rows(unknown);
  expect(line?.[6]).toBe("not known");
  expect(last).toEqual(["who reads checkout-commands for order is not known: Kafka did not answer"]);
});

test("where nothing waits it says so", () => {
  expect(textOf(report(readingOf([at(0)])), false)).toBe("every group has read everything");
});
