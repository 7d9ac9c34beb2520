// Open loop: arrivals come at a fixed rate whether or not the system keeps up, and each is timed from when it was meant to
// start. A closed loop would slow down with the system and hide its queue.

/** How long the loop sleeps between looks at the clock, in milliseconds. */
const TICK_MS = 1;

export interface OpenLoopLimits {
  /** Holds arrivals back while true: for finding the limit of the system, not for latencies. */
  readonly paused?: () => boolean;
  /** Ends the loop before its last arrival. */
  readonly isOver?: () => boolean;
}

/**
 * Calls `arrive(i, intendedAt)` for i = 0.. at `ratePerSecond`, `total` times; `intendedAt` in epoch ms. An arrival that is
 * late because this process was busy is still counted from when it should have been. Resolves after the last call, not
 * after what the calls started.
 */
export async function openLoop(
  ratePerSecond: number,
  total: number,
  arrive: (index: number, intendedAt: number) => void,
  { paused = () => false, isOver = () => false }: OpenLoopLimits = {},
): Promise<void> {
  const start = Date.now();
  for (let index = 0; index < total && !isOver();) {
    const due = Math.min(total, Math.floor(((Date.now() - start) * ratePerSecond) / 1_000) + 1);
    while (index < due && !paused()) {
      arrive(index, start + (index * 1_000) / ratePerSecond);
      index += 1;
    }
    if (index < total) await Bun.sleep(TICK_MS);
  }
}

/** Calls `arrive(i)` for i = 0.. `total` times, as fast as so many at a time allow. Resolves when the last has ended. */
export async function atOnce(
  total: number,
  atATime: number,
  arrive: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < total) await arrive(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atATime, total) }, lane));
}
