// Finds out when a system works as normal again after a fault, from outside: by the durations of the checkouts started since. Pure.

export interface Timed {
  /** The intended start, in epoch ms. */
  readonly intendedAt: number;
  /** When the shopper saw the end, in epoch ms; undefined while it is open. */
  readonly restAt?: number | undefined;
  /** True if it ended as expected: a checkout that fails fast is not a sign of recovery. */
  readonly isServed?: boolean | undefined;
}

/** The promise to shoppers: a checkout finishes within this time. */
export const NORMAL_MS = 3_000;
/** All checkouts of this period must keep the promise before the system counts as recovered. */
export const CALM_MS = 2_000;

/**
 * Milliseconds from `from` (epoch ms) to the start of the first `CALM_MS` in which every checkout was served within `NORMAL_MS`. Null
 * if there is none by `now`. `checkouts` are ordered by intended start.
 */
export function recoveryMs(checkouts: readonly Timed[], from: number, now: number): number | null {
  let calmSince = from;
  for (let index = firstFrom(checkouts, from); index < checkouts.length; index++) {
    const checkout = checkouts[index];
    if (checkout === undefined) break;
    if (checkout.intendedAt - calmSince >= CALM_MS) return calmSince - from;
    const { restAt, isServed } = checkout;
    if (restAt === undefined && now - checkout.intendedAt <= NORMAL_MS) return null;
    if (restAt === undefined || restAt - checkout.intendedAt > NORMAL_MS || isServed !== true) {
      calmSince = checkouts[index + 1]?.intendedAt ?? Number.POSITIVE_INFINITY;
    }
  }
  return null;
}

/** The index of the first checkout with an intended start at `from` or later; a binary search, because a run has many thousands. */
function firstFrom(checkouts: readonly Timed[], from: number): number {
  let [low, high] = [0, checkouts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((checkouts[middle]?.intendedAt ?? Number.POSITIVE_INFINITY) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
