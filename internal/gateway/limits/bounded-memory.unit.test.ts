// What a gateway remembers while it counts alone.
import { expect, test } from "bun:test";
import { RateLimiterRes } from "rate-limiter-flexible";
import { BoundedMemory } from "./bounded-memory.ts";

/** Requests that the client has left, or "refused". */
async function left(memory: BoundedMemory, client: string): Promise<number | "refused"> {
  try {
    return (await memory.consume(client)).remainingPoints;
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    return "refused";
  }
}

test("forgets the client that was not seen for the longest time, and counts the others on", async () => {
  const memory = new BoundedMemory({ points: 2, duration: 60 }, { maxClients: 3 });
  const seen: unknown[] = [];
  // "a" is used again before "d" comes, so "b" is the oldest then.
  for (const client of ["a", "b", "c", "a", "d", "a", "c", "b"]) seen.push(await left(memory, client));
  expect(seen).toEqual([1, 1, 1, 0, 1, "refused", 0, 1]);
});

test("an attacker with many addresses does not push out whoever sends much", async () => {
  const memory = new BoundedMemory({ points: 5, duration: 60 }, { maxClients: 100 });
  const seen: unknown[] = [];
  for (let address = 0; address < 1_000; address += 1) {
    await left(memory, `address-${address}`);
    if (address % 50 === 0) seen.push(await left(memory, "robot"));
  }
  expect(seen.slice(0, 6)).toEqual([4, 3, 2, 1, 0, "refused"]);
  expect(new Set(seen.slice(5))).toEqual(new Set(["refused"]));
});
