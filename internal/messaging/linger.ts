// How long a poll goes on gathering after its first message, so that batches follow the load. Called by the message processor, by relay and
// publisher, and by groups.ts.
//
// A tiny batch costs nearly the same CPU as a full one (a lone order 26 ms of CPU in all processes, 0.6 ms among thousands),
// while a wait costs every shopper its length once per hop. So: nothing when idle, a few ms at some hundred messages a
// second, up to 100 ms when thousands come. The wait grows faster than the rate, because at the top it costs nobody anything:
// the queue is longer than the wait. Where a batch fills at once the wait never runs out.

export const MAX_LINGER_MS = 100;
/** 5 ms at 330 messages a second (two for each of 10,000 orders a minute), 16 at 680, 35 at 1,070, the limit at 1,900. */
const LINEAR_MESSAGES_PER_SECOND = 150;
const SQUARE_MESSAGES_PER_SECOND = 200;
/** The rate forgets with this time constant: slow enough to smooth single batches, quick enough for a flash sale. */
const MEMORY_MS = 500;

/**
 * A batch that takes long says that the machine is short of CPU, be the rate what it may. So the wait is also a multiple of the work:
 * larger batches are what makes an order cheaper, until the machine keeps up again.
 */
const WAIT_PER_WORK = 2;
/** From this rate on; below it in proportion, so that a lone order does not wait after its own last step. */
const FULL_WAIT_MESSAGES_PER_SECOND = 100;

export interface Load {
  /** Smoothed arrival rate. */
  readonly messagesPerSecond: number;
  /** Smoothed length of a batch's work, in milliseconds. */
  readonly workMs: number;
}

export const IDLE: Load = { messagesPerSecond: 0, workMs: 0 };

/**
 * The load after a poll that took `elapsedMs` since the one before it returned and brought `messages`. `workMs` of these were spent
 * on the batch before.
 */
export function observeLoad(load: Load, messages: number, elapsedMs: number, workMs = 0): Load {
  // Two polls within a millisecond must not divide by zero.
  const elapsed = Math.max(1, elapsedMs);
  const weight = 1 - Math.exp(-elapsed / MEMORY_MS);
  const rate = (messages / elapsed) * 1_000;
  return {
    messagesPerSecond: load.messagesPerSecond + weight * (rate - load.messagesPerSecond),
    // Longer than the longest wait says no more, and a batch that a database's failure held up is soon forgotten.
    workMs: load.workMs + weight * (Math.min(Math.max(0, workMs), MAX_LINGER_MS) - load.workMs),
  };
}

/** Measures the load of one loop, by a clock that nobody sets. */
export class LoadMeter {
  readonly #monotonic: () => number;
  #load = IDLE;
  #seenAtMs: number;

  /** `monotonic` in milliseconds. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#seenAtMs = monotonic();
  }

  get load(): Load {
    return this.#load;
  }

  /** `messages` have come since the last call, `workMs` milliseconds of which went into a batch. */
  saw(messages: number, workMs: number): void {
    const nowMs = this.#monotonic();
    this.#load = observeLoad(this.#load, messages, nowMs - this.#seenAtMs, workMs);
    this.#seenAtMs = nowMs;
  }
}

/** Whole milliseconds, 0 to MAX_LINGER_MS. */
export function lingerMs({ messagesPerSecond: rate, workMs }: Load): number {
  const byRate = rate / LINEAR_MESSAGES_PER_SECOND + (rate / SQUARE_MESSAGES_PER_SECOND) ** 2;
  const byWork = WAIT_PER_WORK * workMs * Math.min(1, rate / FULL_WAIT_MESSAGES_PER_SECOND);
  return Math.min(MAX_LINGER_MS, Math.floor(Math.max(byRate, byWork)));
}
