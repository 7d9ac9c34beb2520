// Limits how many holds in doubt a run of reconciliation looks up. The database knows which ones are left (`looked_up_holds`): the next run
// goes on with them, in whichever process. Pure. Called by reconciler.ts.

/** At a third of a second each, a run with all of them and all other look-ups takes no longer than from one run to the next. */
export const MAX_HOLDS_IN_DOUBT = 500;

/** Of one run. */
export class HoldsInDoubt {
  #room = MAX_HOLDS_IN_DOUBT;
  #left = 0;

  /** Those of a page that this run looks up, in their order. */
  ofPage(ids: readonly string[]): readonly string[] {
    const taken = ids.slice(0, this.#room);
    this.#room -= taken.length;
    this.#left += ids.length - taken.length;
    return taken;
  }

  /** How many of those listed in this run wait for another one. */
  get left(): number {
    return this.#left;
  }
}
