// Stripe's idempotency keys (https://docs.stripe.com/api/idempotent_requests): the first answer is stored and replayed, errors
// included; other parameters and concurrent requests with the same key are refused; a key expires after its lifetime. Pure: the time
// is an argument. Called by the simulator and, during a rebuild, by the ledger.

export type Begin<Answer> =
  /** There is no answer yet: execute. `attempt` counts executions with this key from 1. */
  | { readonly kind: "execute"; readonly attempt: number }
  /** `cut`: lose this reply as well. */
  | { readonly kind: "replay"; readonly answer: Answer; readonly cut: boolean }
  | { readonly kind: "in_use" }
  | { readonly kind: "reused" };

interface KeyRecord<Answer> {
  fingerprint: string;
  /** Executions begun with this key. */
  attempts: number;
  running: boolean;
  /** When the key was first used; its lifetime starts here. Milliseconds since the epoch. */
  readonly firstUsedMs: number;
  answer: Answer | undefined;
  /** Replays still to be cut. */
  cuts: number;
}

export class IdempotencyKeys<Answer> {
  // Insertion order is age order, which makes expiring old keys cheap.
  readonly #records = new Map<string, KeyRecord<Answer>>();
  readonly #lifetimeMs: number;

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs;
  }

  get size(): number {
    return this.#records.size;
  }

  begin(key: string, fingerprint: string, nowMs: number): Begin<Answer> {
    this.#forgetOld(nowMs);
    const record = this.#records.get(key);
    if (record === undefined) {
      this.#records.set(key, {
        fingerprint,
        attempts: 1,
        running: true,
        firstUsedMs: nowMs,
        answer: undefined,
        cuts: 0,
      });
      return { kind: "execute", attempt: 1 };
    }
    const decided = record.running || record.answer !== undefined;
    if (decided && record.fingerprint !== fingerprint) return { kind: "reused" };
    if (record.running) return { kind: "in_use" };
    if (record.answer !== undefined) {
      const cut = record.cuts > 0;
      if (cut) record.cuts--;
      return { kind: "replay", answer: record.answer, cut };
    }
    record.fingerprint = fingerprint;
    record.running = true;
    record.attempts++;
    return { kind: "execute", attempt: record.attempts };
  }

  /** The request with this key ended before a decision: nothing is stored, and the next request executes. */
  release(key: string): void {
    const record = this.#records.get(key);
    if (record !== undefined) record.running = false;
  }

  /** Stores the answer. `cuts` is how many of the next replays get lost. */
  store(key: string, fingerprint: string, answer: Answer, nowMs: number, cuts = 0): void {
    const record = this.#records.get(key);
    if (record?.running === true) {
      record.running = false;
      record.answer = answer;
      record.cuts = cuts;
      return;
    }
    // During a rebuild from the ledger no request began this key, and a repeated key was used again after it had expired.
    this.#records.delete(key);
    const stored = { fingerprint, attempts: 1, running: false, firstUsedMs: nowMs, answer, cuts };
    this.#records.set(key, stored);
  }

  /** Expires the given keys, or all. Keys of running requests stay. Returns how many expired. */
  expire(keys: readonly string[] | null): number {
    let expired = 0;
    for (const key of keys ?? [...this.#records.keys()]) {
      if (this.#records.get(key)?.running === false && this.#records.delete(key)) expired++;
    }
    return expired;
  }

  #forgetOld(nowMs: number): void {
    for (const [key, record] of this.#records) {
      if (record.firstUsedMs + this.#lifetimeMs > nowMs) return;
      if (!record.running) this.#records.delete(key);
    }
  }
}
