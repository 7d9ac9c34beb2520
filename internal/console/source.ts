// One thing that the console keeps asking for: a database, a role, Kafka. It remembers since when there is no answer, so that a page says
// "unknown since 12:04" and never shows 0 or an old number as if it were true. Called by collector.ts.
import type { Clock } from "../kernel/ports.ts";
import { ask } from "../operations/ask.ts";

export interface Reading<T> {
  /** The newest answer; null before the first one. */
  readonly value: T | null;
  /** Epoch ms of that answer. */
  readonly at: number | null;
  /** Epoch ms of the first question without an answer; null while it answers. */
  readonly unknownSince: number | null;
  /** Why there is no answer. */
  readonly reason: string | null;
}

/** The value if it is known now; otherwise null, and a page shows `Unknown`. */
export function knownOf<T>({ value, unknownSince }: Reading<T>): T | null {
  return unknownSince === null ? value : null;
}

export interface SourceOptions<T> {
  /** `signal` aborts when the answer would come too late. */
  readonly read: (signal: AbortSignal) => Promise<T>;
  /** Pause between two questions while somebody watches, in milliseconds. */
  readonly everyMs: number;
  readonly timeoutMs?: number;
  readonly clock: Clock;
  /** A monotonic clock in milliseconds. */
  readonly monotonic: () => number;
}

const TIMEOUT_MS = 3_000;
/** While nobody watches, it is asked this many times more rarely. */
const UNWATCHED_FACTOR = 10;
/** The pause is at least this many times the length of the answer: a slow question is asked more rarely. */
const REST_PER_READ = 10;
/**
 * What did not answer is asked again after this, or after as long as it was waited for, so that a server that was restarted is seen soon. After each
 * further silence it rests twice as long, up to REST_PER_READ: what never answers in time is not at work for half of the time.
 */
const AGAIN_MS = 2_000;

export class Source<T> {
  readonly #options: SourceOptions<T>;
  #reading: Reading<T> = { value: null, at: null, unknownSince: null, reason: null };
  #running: Promise<void> | null = null;
  /** Of the monotonic clock: the wall clock may be set back. */
  #nextAt = -Infinity;
  #version = 0;
  /** Questions without an answer since the last one that had one. */
  #silences = 0;

  constructor(options: SourceOptions<T>) {
    this.#options = options;
  }

  get reading(): Reading<T> {
    return this.#reading;
  }

  /** Changes with each answer, and when answers begin to be missing. */
  get version(): number {
    return this.#version;
  }

  /** Asks if it is time to, and not while an earlier question is open. Settles with that question, and never rejects. */
  async askIfDue(isWatched: boolean): Promise<void> {
    const due = isWatched ? this.#nextAt : this.#nextAt + this.#options.everyMs * (UNWATCHED_FACTOR - 1);
    if (this.#running === null && this.#options.monotonic() >= due)
      this.#running = this.#ask().finally(() => (this.#running = null));
    await this.#running;
  }

  async #ask(): Promise<void> {
    const { read, clock, everyMs, timeoutMs = TIMEOUT_MS, monotonic } = this.#options;
    const begun = monotonic();
    const { unknownSince } = this.#reading;
    const answer = await ask(read, { clock, timeoutMs, unknownSince });
    this.#reading =
      "value" in answer
        ? { ...answer, unknownSince: null, reason: null }
        : { ...this.#reading, unknownSince: answer.unknown_since, reason: answer.why };
    this.#version += 1;
    const tookMs = monotonic() - begun;
    this.#silences = "value" in answer ? 0 : this.#silences + 1;
    const restMs =
      this.#silences === 0
        ? Math.max(everyMs, tookMs * REST_PER_READ)
        : Math.max(Math.min(everyMs, AGAIN_MS), tookMs * Math.min(REST_PER_READ, 2 ** (this.#silences - 1)));
    this.#nextAt = monotonic() + restMs;
  }
}
