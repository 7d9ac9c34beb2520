// The speed of a replay and its error limit. Pure; called by replay.ts. The first message goes alone, because its failure may
// repeat for all others. Then batches double up to one second of messages, paced by the rate.

/** Maximum messages in flight at any rate: one query reads their outcomes. */
export const MAX_REPLAY_BATCH = 200;

/** The batch size after a batch of `previous` messages; `previous` is 0 before the first. */
export function nextBatch(previous: number, ratePerSecond: number): number {
  if (previous === 0) return 1;
  return Math.min(previous * 2, Math.max(1, Math.floor(ratePerSecond)), MAX_REPLAY_BATCH);
}

/** The pause in ms that keeps the rate after a batch of `sent` messages that took `tookMs`. */
export function pauseAfter(sent: number, tookMs: number, ratePerSecond: number): number {
  return Math.max(0, (sent / ratePerSecond) * 1_000 - tookMs);
}

/** True if the share of failed messages is above `maxErrorRate`, a share from 0 to 1. */
export function failsTooOften(sent: number, failed: number, maxErrorRate: number): boolean {
  return failed > 0 && failed / sent > maxErrorRate;
}
