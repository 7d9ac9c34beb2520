// What counts as lag, by what librdkafka knows of each partition.
import { expect, test } from "bun:test";
import { Lag } from "./lag.ts";

/** librdkafka's offset for "not known". */
const INVALID = -1_001;
const MINUTE_MS = 60_000;

/** Position, end and committed offset of each partition of a topic, which begins at 2. */
type Partition = readonly [position: number, end: number, committed?: number];

function lagOf(partitions: readonly Partition[], fromBeginning = true) {
  let now = 0;
  const asked: (readonly number[])[] = [];
  const client = {
    isConnected: () => true,
    committed(places: readonly { topic: string; partition: number }[], _: number, done: Function) {
      asked.push(places.map(({ partition }) => partition));
      done(
        null,
        places.map((place) => ({ ...place, offset: partitions[place.partition]?.[2] ?? INVALID })),
      );
    },
  };
  const native = {
    progress: async () =>
      partitions.map(([offset, high], partition) => ({ topic: "events", partition, offset, low: 2, high })),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads of the package
  const lag = new Lag({ client: client as never, native, fromBeginning, monotonic: () => now });
  const read = async () => {
    const [one] = await lag.read();
    await lag.settled();
    return one?.messages;
  };
  return { read, asked, wait: (ms: number) => (now += ms) };
}

test("the lag is summed over the partitions that were read, and nothing is asked", async () => {
  const { read, asked } = lagOf([
    [10, 15],
    [7, 7],
    [2, 5],
  ]);
  expect(await read()).toBe(8);
  expect(asked).toEqual([]);
});

test("an end that is not known, or older than the position, is no lag", async () => {
  const { read } = lagOf([
    [10, INVALID],
    [10, 8],
    [3, 4],
  ]);
  expect(await read()).toBe(1);
});

test("a partition of which nothing was read counts from the committed offset, and is asked for once a minute", async () => {
  const { read, asked, wait } = lagOf([
    [INVALID, 500, 100],
    [4, 5],
    [INVALID, 30, 30],
  ]);
  expect(await read()).toBe(1);
  expect(await read()).toBe(401);
  wait(MINUTE_MS - 1);
  expect(await read()).toBe(401);
  expect(asked).toEqual([[0, 2]]);
  wait(1);
  await read();
  expect(asked).toHaveLength(2);
});

test.each([
  [true, 48],
  [false, 0],
])(
  "a group without committed offsets has what its start leaves it, from the beginning: %p",
  async (fromBeginning, expected) => {
    const { read } = lagOf([[INVALID, 50]], fromBeginning);
    await read();
    expect(await read()).toBe(expected);
  },
);
