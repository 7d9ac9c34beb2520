// Open loop: arrivals come at a fixed rate even if the system is slow, and each is timed from its intended start. A closed loop would
// slow down with the system and hide its queue.

/** The pause between two checks of the clock. */
const TICK_MS = 1;

export interface OpenLoopLimits {
  /** Pauses arrivals while true: for finding the capacity of the system, not for latencies. */
  readonly paused?: () => boolean;
  /** Ends the loop before its last arrival. */
  readonly isOver?: () => boolean;
}

/**
 * Calls `arrive(i, intendedAt)` for i = 0.. at `ratePerSecond`, `total` times; `intendedAt` in epoch ms. An arrival that is late because
 * this process was busy still counts from its intended start. Resolves after the last call, not after the work the calls started.
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

/** Calls `arrive(i)` for i = 0.. `total` times, with at most `atATime` at once. Resolves when the last has ended. */
export async function atOnce(
  total: number,
  atATime: number,
  arrive: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < total) await arrive(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atATime, total) }, worker));
}
