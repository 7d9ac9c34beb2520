// A mutant: a plausible mistake as an edit of the source, and the test that must catch it. The lists are in mutants/; main.ts
// plants each in a copy of the repository and runs the tests there. Nothing of it is shipped.

/** The test layers, cheapest first. Types and lint would catch some mutants earlier; they are left out. */
export const LAYERS = ["unit", "model", "int", "audit"] as const;
export type Layer = (typeof LAYERS)[number];

export interface Edit {
  /** Relative to the repository root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly id: string;
  /** What the mutated code does, as a sentence. */
  readonly title: string;
  readonly edits: readonly Edit[];
  /** The cheapest test that catches it. */
  readonly caughtBy: {
    readonly layer: Layer;
    readonly file: string;
    /** A unique part of the test's full name. Undefined: any test of the file. */
    readonly test?: string;
  };
}

/** Applies one edit to `source`. Throws if the text to replace does not occur exactly once. */
export function edited(source: string, { file, find, replace }: Edit): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) {
    throw new Error(
      `${file}: ${JSON.stringify(find)} occurs ${occurrences} times instead of once; update the mutant`,
    );
  }
  return source.replace(find, () => replace);
}
