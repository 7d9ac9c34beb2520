// When a system that was hurt works as normal again, seen from outside: by how long the checkouts took that were started since.
// Pure.

export interface Timed {
  /** Epoch ms at which the shopper meant to start. */
  readonly intendedAt: number;
  /** Epoch ms at which the shopper knew how it ended; absent while that is open. */
  readonly restAt?: number | undefined;
  /** It ended as it should have: a checkout that is quickly given up is no sign of health. */
  readonly isServed?: boolean | undefined;
}

/** The promise to shoppers: a checkout is done within this time. */
export const NORMAL_MS = 3_000;
/** So long every checkout has to keep it before the system counts as recovered. */
export const CALM_MS = 2_000;

/**
 * Milliseconds from `from` (epoch ms) until the start of the first `CALM_MS` in which every checkout was served within
 * `NORMAL_MS`. Null where that has not come by `now`. `checkouts` in the order of their intended start.
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

/** The index of the first that was meant to start at `from` or later; by halves, because a run has many thousands. */
function firstFrom(checkouts: readonly Timed[], from: number): number {
  let [low, high] = [0, checkouts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((checkouts[middle]?.intendedAt ?? Number.POSITIVE_INFINITY) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
