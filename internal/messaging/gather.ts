// How long a poll goes on gathering after its first message, so that batches follow the load. Pure; called by the recipe.
//
// A tiny batch costs nearly the same CPU as a full one (a lone order 26 ms of CPU in all processes, 0.6 ms among thousands),
// while a wait costs every shopper its length once per hop. So: nothing when idle, a few ms at some hundred messages a
// second, up to 100 ms when thousands come. Waiting in proportion to the rate does that, and needs no target batch size: where
// a queue has built up the batch fills at once and the wait never runs out.

export const MAX_GATHER_MS = 100;
/** One millisecond for each so many messages a second: 4 ms at 300/s, 80 ms at 6,000/s. */
const MESSAGES_PER_SECOND_PER_MS = 75;
/** The rate forgets with this time constant: slow enough to smooth single batches, quick enough for a flash sale. */
const MEMORY_MS = 500;

export interface Load {
  /** Smoothed arrival rate. */
  readonly messagesPerSecond: number;
}

export const IDLE: Load = { messagesPerSecond: 0 };

/** The load after a poll that took `elapsedMs` since the one before it returned and brought `messages`. */
export function observeLoad(load: Load, messages: number, elapsedMs: number): Load {
  // A clock set back, or two polls within a millisecond, must not divide by zero.
  const elapsed = Math.max(1, elapsedMs);
  const weight = 1 - Math.exp(-elapsed / MEMORY_MS);
  const rate = (messages / elapsed) * 1_000;
  return { messagesPerSecond: load.messagesPerSecond + weight * (rate - load.messagesPerSecond) };
}

/** Whole milliseconds, 0 to MAX_GATHER_MS. */
export function gatherMs(load: Load): number {
  return Math.min(MAX_GATHER_MS, Math.floor(load.messagesPerSecond / MESSAGES_PER_SECOND_PER_MS));
}
