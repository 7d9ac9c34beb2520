// What a mutant is: a mistake that somebody could well make, as an edit of the source, and the test that must notice. The
// lists are in mutants/; main.ts plants each in a copy of the repository and runs the tests there. Nothing of it is ever shipped.

/** Where a mutant can be caught, the cheapest first. Types and lint would catch some earlier still; they are left out. */
export const LAYERS = ["unit", "model", "int", "audit"] as const;
export type Layer = (typeof LAYERS)[number];

export interface Edit {
  /** From the repository's root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly id: string;
  /** What the code does with it, as a sentence. */
  readonly title: string;
  readonly edits: readonly Edit[];
  /** The cheapest test that notices. */
  readonly caughtBy: {
    readonly layer: Layer;
    readonly file: string;
    /** Its name, or the part of it that tells it from the others; none where any test of the file may be the one. */
    readonly test?: string;
  };
}

/** `source` with one edit made. Throws where the text to replace does not occur exactly once. */
export function edited(source: string, { file, find, replace }: Edit): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) {
    throw new Error(
      `${file}: ${JSON.stringify(find)} occurs ${occurrences} times instead of once; bring the mutant up to date`,
    );
  }
  return source.replace(find, () => replace);
}
