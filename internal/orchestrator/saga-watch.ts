// Calls that wait for news of a saga: for its end (status-watch.ts) or for its next step (history-watch.ts). A commit in this process
// wakes the waiting calls. A tick looks for what other replicas did, with one query for all waiting calls.
import { AppError } from "../kernel/errors.ts";
import { pause } from "../messaging/pause.ts";

/** At most this many sagas in one query. */
const MAX_BATCH = 1_000;
/** A call waits this long for others to share its query; under load one query serves dozens. */
const LINGER_MS = 2;
/** The pool has no timeout of its own for a server that is connected and silent. */
const READ_TIMEOUT_MS = 5_000;
/** Above this many waiting calls, further ones are answered at once. */
const MAX_WAITING = 50_000;

export interface WaitOptions {
  /** 0 answers at once. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** What is known of a saga. Only its shopper may see it. */
interface Owned {
  readonly user_id: string;
}

export interface SagaWatchOptions<Ask, Found> {
  /** One result per ask, in their order; null for an unknown saga. */
  readonly read: (asks: readonly Ask[]) => Promise<readonly (Found | null)[]>;
  /** What is read, for the error about a silent database. */
  readonly what: string;
  /** Whether this is worth an answer before the time is up. */
  readonly isNews: (found: Found) => boolean;
  /** The longest delay until a change by another replica is noticed. */
  readonly tickMs: number;
  readonly readTimeoutMs?: number | undefined;
}

interface Waiting<Ask, Found> {
  readonly ask: Ask;
  /** Null: read again. */
  readonly wake: (found: Found | null) => void;
}

interface Group<Ask, Found> {
  readonly asks: Ask[];
  readonly result: Promise<readonly (Found | null)[]>;
}

export class SagaWatch<Ask extends { readonly sagaId: string }, Found extends Owned> implements Disposable {
  readonly #options: SagaWatchOptions<Ask, Found>;
  readonly #waiting = new Map<string, Set<Waiting<Ask, Found>>>();
  #waitingCount = 0;
  #isPolling = false;
  readonly #closed = new AbortController();
  /** The reads that share the next query. */
  #group: Group<Ask, Found> | undefined;

  constructor(options: SagaWatchOptions<Ask, Found>) {
    this.#options = options;
  }

  /**
   * What is known now; with `waitMs`, as soon as there is news, the time is up or `signal` aborts. Null, at once, when the user has no
   * such saga: a wait would tell a stranger that somebody has one. Throws the error of the database, and DATABASE_UNAVAILABLE when the
   * database is silent.
   */
  async wait(ask: Ask, userId: string, { waitMs = 0, signal }: WaitOptions): Promise<Found | null> {
    const ofUser = (found: Found | null) => (found?.user_id === userId ? found : null);
    const isRefused = this.#closed.signal.aborted || this.#waitingCount >= MAX_WAITING;
    if (waitMs === 0 || isRefused || signal?.aborted === true) return ofUser(await this.#read(ask));
    const { promise, resolve } = Promise.withResolvers<Found | null>();
    // Registered before the first read, so that news right after it is not missed.
    const waiting = { ask, wake: resolve };
    this.#add(waiting);
    const giveUp = () => resolve(null);
    const timer = setTimeout(giveUp, waitMs);
    signal?.addEventListener("abort", giveUp);
    try {
      const now = ofUser(await this.#read(ask));
      if (now === null || this.#options.isNews(now)) return now;
      return ofUser((await promise) ?? (await this.#read(ask)));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      this.#remove(waiting);
    }
  }

  isWaitedFor(sagaId: string): boolean {
    return this.#waiting.has(sagaId);
  }

  /** Ends the waits for this saga with `found`, or with what a new read finds. */
  wake(sagaId: string, found: Found | null): void {
    for (const { wake } of this.#waiting.get(sagaId) ?? []) wake(found);
  }

  /** Ends every wait with what is known. Later calls do not wait. */
  [Symbol.dispose](): void {
    this.#closed.abort();
    for (const sagaId of this.#waiting.keys()) this.wake(sagaId, null);
  }

  #add(waiting: Waiting<Ask, Found>): void {
    const { sagaId } = waiting.ask;
    const others = this.#waiting.get(sagaId);
    if (others === undefined) this.#waiting.set(sagaId, new Set([waiting]));
    else others.add(waiting);
    this.#waitingCount += 1;
    if (!this.#isPolling) void this.#poll();
  }

  #remove(waiting: Waiting<Ask, Found>): void {
    const { sagaId } = waiting.ask;
    const all = this.#waiting.get(sagaId);
    if (all?.delete(waiting) === true) this.#waitingCount -= 1;
    if (all?.size === 0) this.#waiting.delete(sagaId);
  }

  /** Runs while any call waits. Never rejects. */
  async #poll(): Promise<void> {
    this.#isPolling = true;
    while (this.#waiting.size > 0 && !this.#closed.signal.aborted) {
      await pause(this.#options.tickMs, this.#closed.signal);
      const all = [...this.#waiting.values()].flatMap((waiting) => [...waiting]);
      for (let i = 0; i < all.length; i += MAX_BATCH) {
        const batch = all.slice(i, i + MAX_BATCH);
        // A failed read does no harm: the next tick reads again, and each call ends at its own time limit.
        const results = await this.#query(batch.map(({ ask }) => ask)).catch(() => null);
        if (results === null) break;
        for (const [at, found] of results.entries())
          if (found !== null && this.#options.isNews(found)) batch[at]?.wake(found);
      }
    }
    this.#isPolling = false;
  }

  async #read(ask: Ask): Promise<Found | null> {
    if (this.#group === undefined || this.#group.asks.length >= MAX_BATCH) this.#group = this.#openGroup();
    const { asks, result } = this.#group;
    const at = asks.push(ask) - 1;
    return (await result)[at] ?? null;
  }

  #openGroup(): Group<Ask, Found> {
    const asks: Ask[] = [];
    const result = pause(LINGER_MS).then(() => {
      if (this.#group?.asks === asks) this.#group = undefined;
      return this.#query(asks);
    });
    return { asks, result };
  }

  #query(asks: readonly Ask[]): Promise<readonly (Found | null)[]> {
    const { read, what, readTimeoutMs } = this.#options;
    return withinReadTime(what, read(asks), readTimeoutMs);
  }
}

/** The result of a read of the saga database; DATABASE_UNAVAILABLE, with `what` was read, when the database is silent. */
export async function withinReadTime<Result>(
  what: string,
  read: Promise<Result>,
  timeoutMs = READ_TIMEOUT_MS,
): Promise<Result> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `the saga database did not answer within ${timeoutMs} ms, asked for ${what}: see whether it is reachable (\`checkoutctl doctor\`), and what it is busy with (pg_stat_activity)`;
    silence.reject(new AppError("DATABASE_UNAVAILABLE", message));
  }, timeoutMs);
  try {
    return await Promise.race([read, silence.promise]);
  } finally {
    clearTimeout(timer);
  }
}
