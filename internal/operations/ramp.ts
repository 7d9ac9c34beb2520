// The speed of a run and its error limit. Pure; called by run-executor.ts. The first item goes alone, because its failure may repeat
// for all others. Then batches grow up to one second of items, paced by the rate.

/** Maximum items in flight at any rate: one query reads their outcomes. */
export const MAX_BATCH = 200;
/** The same for an outbox that is published again: nothing is waited for but the relay. */
export const MAX_REPUBLISH_BATCH = 5_000;
const SIZES = [1, 2, 5, 20, 50, 100, MAX_BATCH, 1_000, MAX_REPUBLISH_BATCH];
/** Roughly how long the outcomes of a batch take. Only for the estimate. */
const USUAL_BATCH_MS = 300;

/** The batch size after a batch of `previous` items; `previous` is 0 before the first. */
export function nextBatch(previous: number, ratePerSecond: number, max = MAX_BATCH): number {
  const next = SIZES.find((size) => size > previous) ?? max;
  return Math.min(next, max, Math.max(1, Math.floor(ratePerSecond)));
}

/** What a batch of `size` may still hold. `pauseAt`, `done`: messages since the start or the last resume; null: the run goes on to its end. */
export function upToPause(size: number, pauseAt: number | null, done: number): number {
  return pauseAt === null ? size : Math.max(1, Math.min(size, pauseAt - done));
}

/** How long a run of `count` items takes at this rate if all goes well, in ms. */
export function estimateMs(count: number, ratePerSecond: number, max = MAX_BATCH): number {
  let ms = 0;
  for (let left = count, size = 0; left > 0;) {
    size = nextBatch(size, ratePerSecond, max);
    const sent = Math.min(size, left);
    left -= sent;
    ms += USUAL_BATCH_MS + (left > 0 ? pauseAfter(sent, USUAL_BATCH_MS, ratePerSecond) : 0);
  }
  return ms;
}

/** The pause in ms that keeps the rate after a batch of `sent` messages that took `tookMs`. */
export function pauseAfter(sent: number, tookMs: number, ratePerSecond: number): number {
  return Math.max(0, (sent / ratePerSecond) * 1_000 - tookMs);
}

/** True if the share of failed messages is above `maxErrorRate`, a share from 0 to 1. */
export function failsTooOften(sent: number, failed: number, maxErrorRate: number): boolean {
  return failed > 0 && failed / sent > maxErrorRate;
}
