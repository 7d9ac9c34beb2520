// An LRU cache: of verified tokens of shoppers and of internal calls, opened keys of payment tokens, shared answers, names of products,
// clients that a gateway counts by itself, sagas that a rebuild reads, and what an executor has read of its runs.

export class RecentlyUsed<Key, Value> {
  readonly #limit: number;
  /** In order of use: the first entry is evicted first. */
  readonly #entries = new Map<Key, Value>();

  /** Keeps at most `limit` entries. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts as a use. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** Counts as a use. Returns the key that it evicts, if any. */
  set(key: Key, value: Value): Key | undefined {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return undefined;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
    return oldest;
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
