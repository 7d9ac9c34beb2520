// How long a poll waits for more messages after its first one, so that batches grow with the load. Called by the message processor,
// the relay, the publisher and groups.ts.
//
// A tiny batch costs nearly the same CPU as a full one (a lone order costs 26 ms of CPU in all processes, 0.6 ms among thousands),
// while a wait delays every shopper once per hop. So: no wait when idle, a few ms at some hundred messages a second, up to 100 ms
// at thousands. The wait grows faster than the rate, because at high rates it delays nobody: the queue is longer than the wait. A
// batch that fills at once never reaches the end of the wait.

export const MAX_LINGER_MS = 100;
/** 5 ms at 330 messages a second (two for each of 10,000 orders a minute), 16 at 680, 35 at 1,070, the limit at 1,900. */
const LINEAR_MESSAGES_PER_SECOND = 150;
const SQUARE_MESSAGES_PER_SECOND = 200;
/** Time constant of the smoothed rate: slow enough to smooth single batches, fast enough for a flash sale. */
const MEMORY_MS = 500;

/**
 * A slow batch means that the machine is short of CPU, at any rate. So the wait is also a multiple of the work: larger batches make
 * an order cheaper, until the machine keeps up again.
 */
const WAIT_PER_WORK = 2;
/**
 * The full wait applies from this rate on, and proportionally less below it, so that a lone order does not wait after its own last
 * step.
 */
const FULL_WAIT_MESSAGES_PER_SECOND = 100;

export interface Load {
  /** Smoothed arrival rate. */
  readonly messagesPerSecond: number;
  /** Smoothed duration of a batch's work, in milliseconds. */
  readonly workMs: number;
}

export const IDLE: Load = { messagesPerSecond: 0, workMs: 0 };

/**
 * The load after a poll that returned `messages`, `elapsedMs` after the poll before it. `workMs` of that time went into the batch
 * before.
 */
export function observeLoad(load: Load, messages: number, elapsedMs: number, workMs = 0): Load {
  // Two polls within a millisecond must not divide by zero.
  const elapsed = Math.max(1, elapsedMs);
  const weight = 1 - Math.exp(-elapsed / MEMORY_MS);
  const rate = (messages / elapsed) * 1_000;
  return {
    messagesPerSecond: load.messagesPerSecond + weight * (rate - load.messagesPerSecond),
    // A duration above the longest wait says nothing new, and a batch that a database failure delayed is soon forgotten.
    workMs: load.workMs + weight * (Math.min(Math.max(0, workMs), MAX_LINGER_MS) - load.workMs),
  };
}

/** Measures the load of one loop with a monotonic clock. */
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

  /** `messages` have arrived since the last call; `workMs` milliseconds of that time went into a batch. */
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
