// One thing that the console keeps asking for: a database, a role, Kafka. It remembers since when there is no answer, so that a page says
// "unknown since 12:04" and never shows 0 or an old number as if it were true. Called by collector.ts.
import { describeError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";

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

export interface SourceOptions<T> {
  /** `signal` aborts when the answer would come too late. */
  readonly read: (signal: AbortSignal) => Promise<T>;
  /** Pause between two questions while somebody watches, in milliseconds. */
  readonly everyMs: number;
  readonly timeoutMs?: number;
  readonly clock: Clock;
}

const TIMEOUT_MS = 3_000;
/** While nobody watches, it is asked this many times more rarely. */
const UNWATCHED_FACTOR = 10;
/** The pause is at least this many times the length of the answer: a slow question is asked more rarely. */
const REST_PER_READ = 10;

export class Source<T> {
  readonly #options: SourceOptions<T>;
  #reading: Reading<T> = { value: null, at: null, unknownSince: null, reason: null };
  #running: Promise<void> | null = null;
  #nextAt = 0;
  #version = 0;

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
    if (this.#running === null && this.#options.clock.now() >= due)
      this.#running = this.#ask().finally(() => (this.#running = null));
    await this.#running;
  }

  async #ask(): Promise<void> {
    const { read, clock, everyMs, timeoutMs = TIMEOUT_MS } = this.#options;
    const begun = clock.now();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const value = await Promise.race([read(late.signal), whenAborted(late.signal)]);
      this.#reading = { value, at: clock.now(), unknownSince: null, reason: null };
    } catch (error) {
      const unknownSince = this.#reading.unknownSince ?? begun;
      this.#reading = { ...this.#reading, unknownSince, reason: describeError(error) };
    } finally {
      clearTimeout(timer);
      this.#version += 1;
      this.#nextAt = clock.now() + Math.max(everyMs, (clock.now() - begun) * REST_PER_READ);
    }
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener(
      "abort",
      () => reject(signal.reason instanceof Error ? signal.reason : new Error("late")),
      {
        once: true,
      },
    ),
  );
}
