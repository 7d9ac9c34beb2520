import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { cancelOrder } from "../testkit/commands.ts";
import type { Delivery } from "./delivery.ts";
import { allEnded, partsBySaga } from "./side-by-side.ts";

function deliveryOf(saga: string): Delivery<"CancelOrder"> {
  const message = cancelOrder(saga);
  const raw = () => {
    throw new Error("a message of this test has no bytes");
  };
  return { message, value: message, raw };
}
const newDeliveries = (count: number) => Array.from({ length: count }, () => deliveryOf(Bun.randomUUIDv7()));

describe("partsBySaga", () => {
  test("a small batch stays whole; a larger one is split into at most two parts of similar size", () => {
    for (const [size, parts] of [
      [0, 1],
      [1, 1],
      [1_499, 1],
      [1_500, 2],
      [2_000, 2],
      [5_000, 2],
    ] as const) {
      const cut = partsBySaga(newDeliveries(size));
      expect(cut.length).toBe(parts);
      for (const part of cut)
        expect(Math.abs(part.length - size / parts)).toBeLessThan(0.2 * (size / parts) + 1);
    }
  });

  test("every message is in one part; messages of a saga stay together and in order", () => {
    const batch = fc
      .array(fc.nat(50), { minLength: 1_500, maxLength: 3_000 })
      .map((picks) => ({ picks, sagas: Array.from({ length: 51 }, () => Bun.randomUUIDv7()) }));
    fc.assert(
      fc.property(batch, ({ picks, sagas }) => {
        const deliveries = picks.map((pick) => deliveryOf(sagas[pick] ?? ""));
        const parts = partsBySaga(deliveries);
        expect(new Set(parts.flat())).toEqual(new Set(deliveries));
        expect(parts.flat().length).toBe(deliveries.length);
        for (const saga of sagas) {
          const ofSaga = deliveries.filter(({ message }) => message.saga_id === saga);
          if (ofSaga.length === 0) continue;
          const holding = parts.filter((part) => part.some(({ message }) => message.saga_id === saga));
          expect(holding.length).toBe(1);
          expect(holding[0]?.filter(({ message }) => message.saga_id === saga)).toEqual(ofSaga);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("allEnded", () => {
  test("waits for all work before it throws a failure", async () => {
    let isEnded = false;
    const slow = Bun.sleep(20).then(() => (isEnded = true));
    const failing = Promise.reject(new Error("first"));
    await expect(allEnded([failing, slow])).rejects.toThrow("first");
    expect(isEnded).toBe(true);
    expect(await allEnded([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
  });
});
