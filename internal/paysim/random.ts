// Seeded randomness. A stream depends only on the seed and a name, never on the order of requests, so a run with the same seed gives
// the same key the same faults under any interleaving.
import { type Random, seeded } from "../kernel/random.ts";

/** Uniform numbers in [0, 1), drawn from an FNV-1a hash of seed and name. */
export function randomStream(seed: number, name: string): Random {
  return seeded(hash(`${seed}/${name}`));
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value | 0;
}
