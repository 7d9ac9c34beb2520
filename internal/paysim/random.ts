// Seeded chance. A stream depends on the seed and a name only, never on the order in which requests arrive, so that a run
// with the same seed gives the same key the same fate under any interleaving.

/** Uniform numbers in [0, 1): an FNV-1a hash of seed and name, drawn on with mulberry32. */
export function randomStream(seed: number, name: string): () => number {
  let state = hash(`${seed}/${name}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value | 0;
}
