// Remembers where groups were in their partitions, to tell since when one does not move although messages wait. Nobody can ask Kafka that: it
// only knows the last committed offset. Pure. Called by topic-states.ts with each look.

interface Look {
  readonly at: number | null;
  readonly since: number;
}

export class Standstill {
  readonly #now: () => number;
  readonly #looks = new Map<string, Look>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * `at`: the committed offset; null without one. Returns the time of the first look that found the same, or null if nothing waits.
   */
  note(place: string, { at, lag }: { readonly at: number | null; readonly lag: number }): number | null {
    if (lag === 0) {
      this.#looks.delete(place);
      return null;
    }
    const before = this.#looks.get(place);
    if (before !== undefined && before.at === at) return before.since;
    const since = this.#now();
    this.#looks.set(place, { at, since });
    return since;
  }
}
