// Limits how many holds in doubt a run of reconciliation looks up, and remembers which ones this process has looked up. Pure. Called by
// reconciler.ts.
//
// A payment that was cancelled or has failed does not keep the id of its hold, so nothing in the database shows that it was looked up.
// Whoever reads a span again, because some of its holds are left, goes on with those; another process begins with the first. So does whoever
// sees that the database may lack what its runs have found.

/** At a third of a second each, a run with all of them and all other look-ups takes no longer than from one run to the next. */
export const MAX_HOLDS_IN_DOUBT = 500;
/** As many as PayPal lists at once: enough for a span that is read again in parts. */
const MAX_REMEMBERED = 10_000;

export class HoldsInDoubt {
  /** Ids in the provider's list; the last one at the end. */
  readonly #lookedUp = new Set<string>();
  #room = 0;
  #left = 0;
  #nextDueAt = -Infinity;

  /**
   * `dueAt`: when this run was due, epoch ms. Every run sets when the next one is due. If this one was due earlier, the database has lost a
   * run, with the alerts that it opened, or an operator has asked for this run.
   */
  startRun(dueAt: number): void {
    if (dueAt < this.#nextDueAt) this.forget();
    this.#room = MAX_HOLDS_IN_DOUBT;
    this.#left = 0;
  }

  /** `nextDueAt`: when the next run is due. Epoch ms, like `dueAt`. */
  endRun(nextDueAt: number): void {
    this.#nextDueAt = nextDueAt;
  }

  /** Every hold is looked up again, because the database may have lost what its look-up found. */
  forget(): void {
    this.#lookedUp.clear();
  }

  /** Those of a page that this run looks up, in their order. One counts as looked up when the next is asked for. */
  *ofPage(ids: readonly string[]): Generator<string, void, undefined> {
    for (const id of ids) {
      if (this.#lookedUp.has(id)) continue;
      if (this.#room === 0) {
        this.#left += 1;
        continue;
      }
      this.#room -= 1;
      yield id;
      this.#remember(id);
    }
  }

  /** How many of those listed in this run wait for another one. */
  get left(): number {
    return this.#left;
  }

  #remember(id: string): void {
    this.#lookedUp.add(id);
    const [oldest] = this.#lookedUp;
    if (this.#lookedUp.size > MAX_REMEMBERED && oldest !== undefined) this.#lookedUp.delete(oldest);
  }
}
