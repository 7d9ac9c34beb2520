// Repeatable randomness: the same seed gives the same numbers on every machine. Used to inject faults in the provider simulator,
// the simulation and the chaos runs. Never for secrets.
import { assert } from "./errors.ts";

/** Uniform in [0, 1). */
export type Random = () => number;

/** Mulberry32 (Tommy Ettinger, public domain). 32 bits of state are enough to choose faults. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function chanceOf(random: Random, rate: number): boolean {
  return random() < rate;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  assert(picked !== undefined, "cannot pick from an empty list");
  return picked;
}

/** A whole number from `from` to `to`, inclusive. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let left = result.length; left > 1; left--) {
    const chosen = Math.floor(random() * left);
    const [last, other] = [result[left - 1], result[chosen]];
    if (last !== undefined && other !== undefined) [result[left - 1], result[chosen]] = [other, last];
  }
  return result;
}
