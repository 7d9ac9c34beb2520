// A small cache of answers that are the same for everybody, so that many shoppers cost the service behind it one call. One call per
// key at a time; while the service is away, the last answer is used for a while. Used by routes/products.ts, routes/meta.ts and shop-data.ts.
import { AppError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";

export interface SharedAnswersOptions<Value> {
  readonly load: (key: string) => Promise<Value>;
  readonly clock: Clock;
  /** An answer is used for this time without asking again. */
  readonly freshMs: number;
  /** While the service fails, an answer is used up to this age. */
  readonly staleMs: number;
  /** After the service was away nothing is asked for this time. */
  readonly restMs: number;
  readonly maxEntries: number;
  /** At most this many calls at once; each key has at most one. */
  readonly maxCalls: number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly loadedAt: number;
}

export class SharedAnswers<Value> {
  readonly #options: SharedAnswersOptions<Value>;
  readonly #entries: RecentlyUsed<string, Entry<Value>>;
  readonly #calls = new Map<string, Promise<Entry<Value>>>();
  #failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(options: SharedAnswersOptions<Value>) {
    this.#options = options;
    this.#entries = new RecentlyUsed(options.maxEntries);
  }

  /**
   * Throws the error of `load` if there is no answer that is young enough, and SERVICE_UNAVAILABLE above `maxCalls`. An answer from
   * before `since` (epoch ms) is known to be wrong, and is used only while the service is away.
   */
  async get(key: string, since = 0): Promise<Value> {
    const { clock, freshMs, staleMs } = this.#options;
    const known = this.#entries.get(key);
    const now = clock.now();
    if (known !== undefined && now - known.loadedAt < freshMs && known.loadedAt > since) return known.value;
    try {
      return (await this.#load(key, now)).value;
    } catch (error) {
      if (known !== undefined && now - known.loadedAt < staleMs) return known.value;
      throw error;
    }
  }

  #load(key: string, now: number): Promise<Entry<Value>> {
    const { restMs, maxCalls } = this.#options;
    const running = this.#calls.get(key);
    if (running !== undefined) return running;
    if (this.#failure !== undefined && now - this.#failure.at < restMs)
      return Promise.reject(this.#failure.error);
    if (this.#calls.size >= maxCalls) {
      const message = `more than ${maxCalls} different answers are asked for at once`;
      return Promise.reject(new AppError("SERVICE_UNAVAILABLE", message));
    }
    const call = this.#call(key).finally(() => this.#calls.delete(key));
    this.#calls.set(key, call);
    return call;
  }

  async #call(key: string): Promise<Entry<Value>> {
    const { load, clock } = this.#options;
    try {
      const loadedAt = clock.now();
      const entry = { value: await load(key), loadedAt };
      this.#entries.set(key, entry);
      this.#failure = undefined;
      return entry;
    } catch (error) {
      // Any other fault is one of this answer, which must not stop the others.
      if (error instanceof AppError && error.canRetry) this.#failure = { error, at: clock.now() };
      throw error;
    }
  }
}
