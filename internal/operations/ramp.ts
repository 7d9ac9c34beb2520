// How fast a replay goes and when it gives up. Pure; called by replay.ts. The first message goes alone: what kills it would
// kill them all. Then batches double up to a second's worth, and each takes the time that the rate gives it.

/** Messages in flight at once, whatever the rate: their outcomes are asked for together. */
export const MAX_REPLAY_BATCH = 200;

/** The size of the batch after one of `previous` messages; 0 before the first. */
export function nextBatch(previous: number, ratePerSecond: number): number {
  if (previous === 0) return 1;
  return Math.min(previous * 2, Math.max(1, Math.floor(ratePerSecond)), MAX_REPLAY_BATCH);
}

/** How long to wait after a batch of `sent` messages that took `tookMs`, so that the rate is kept. Milliseconds. */
export function pauseAfter(sent: number, tookMs: number, ratePerSecond: number): number {
  return Math.max(0, (sent / ratePerSecond) * 1_000 - tookMs);
}

/** `failed` of `sent` so far; the rate is a share of 0 to 1. */
export function failsTooOften(sent: number, failed: number, maxErrorRate: number): boolean {
  return failed > 0 && failed / sent > maxErrorRate;
}
