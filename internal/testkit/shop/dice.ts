// What a seeded run does by chance. `random` is in [0, 1), from paysim's seeded streams. Called by shop.ts and broker.ts.
import { assert } from "../../kernel/errors.ts";

export function chanceOf(rate: number, random: () => number): boolean {
  return random() < rate;
}

/** A whole number from `from` to `to`, both included. */
export function between(from: number, to: number, random: () => number): number {
  return from + Math.floor(random() * (to - from + 1));
}

export function oneOf<Item>(items: readonly Item[], random: () => number): Item {
  const item = items[Math.floor(random() * items.length)];
  assert(item !== undefined, "one of nothing is nothing");
  return item;
}

export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ item }) => item);
}
