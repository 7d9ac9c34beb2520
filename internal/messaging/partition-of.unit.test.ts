import { expect, test } from "bun:test";
import { isSagaId, partitionOf } from "./partition-of.ts";

const bornAt = (ms: number) => `01a22094-${ms.toString(16).padStart(4, "0")}-7000-8aeb-8ad3b5d13262`;

test("ids of the same half second have one partition, and neighbouring ones another", () => {
  const windows = Array.from({ length: 64 }, (_, n) => partitionOf(bornAt(n * 512), 16));
  const [first = -1] = windows;
  expect([partitionOf(bornAt(0), 16), partitionOf(bornAt(511), 16)]).toEqual([first, first]);
  expect(new Set(windows).size).toBe(16);
  expect(windows[1]).not.toBe(first);
});

test("only a UUIDv7 in lower case is a saga's id", () => {
  const id = bornAt(0);
  expect([id, id.toUpperCase(), id.replace("-7", "-4"), `${id} `, ""].map(isSagaId)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
