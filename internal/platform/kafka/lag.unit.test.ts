// What counts as lag, by what librdkafka knows of each partition.
import { expect, test } from "bun:test";
import { lagOf } from "./lag.ts";

/** librdkafka's offset for "not known". */
const INVALID = -1_001;

/** Position and end of each partition of a topic. */
function clientOf(partitions: readonly (readonly [number, number])[]): Parameters<typeof lagOf>[0] {
  const assigned = partitions.map((_, partition) => ({ topic: "events", partition }));
  return {
    isConnected: () => true,
    assignments: () => assigned,
    position: () => assigned.map((one, index) => ({ ...one, offset: partitions[index]?.[0] ?? INVALID })),
    getWatermarkOffsets: (_, partition) => ({
      lowOffset: 0,
      highOffset: partitions[partition]?.[1] ?? INVALID,
    }),
  };
}

test("the lag is summed over the partitions that were read", () => {
  const client = clientOf([
    [10, 15],
    [7, 7],
    [0, 3],
  ]);
  expect(lagOf(client)).toEqual([{ topic: "events", messages: 8 }]);
});

test("an end that is not known, or older than the position, is no lag", () => {
  const client = clientOf([
    [10, INVALID],
    [10, 8],
    [1, 2],
  ]);
  expect(lagOf(client)).toEqual([{ topic: "events", messages: 1 }]);
});

test("a partition of which nothing was read counts as 0, as the metric says, because it may be idle", () => {
  const client = clientOf([
    [INVALID, 500],
    [4, 5],
  ]);
  expect(lagOf(client)).toEqual([{ topic: "events", messages: 1 }]);
});
