// Answers calls that follow a saga: at once if there is something new, else when there is. A commit in this process wakes the waiting
// calls. A tick looks for what other replicas did, with one query for all waiting calls. The counterpart of status-watch.ts, which
// waits for the end only. Called by api.ts.
import type { Sql } from "postgres";
import type { SagaHistory } from "../../schemas/shop.ts";
import { AppError } from "../kernel/errors.ts";
import { pause } from "../messaging/pause.ts";
import { type Ask, type OwnedHistory, readHistories } from "./status-store.ts";
import type { Saga } from "./state.ts";
import type { WaitOptions } from "./status-watch.ts";

/** The longest delay until a change by another replica is noticed. A shopper who looks at a page does not notice it. */
const TICK_MS = 1_000;
/** At most this many sagas in one query. */
const MAX_BATCH = 1_000;
/** A call waits this long for others to share its query; a commit wakes many at once. */
const LINGER_MS = 2;
/** The pool has no timeout of its own for a server that is connected and silent. */
const READ_TIMEOUT_MS = 5_000;
/** Above this many waiting calls, further ones are answered at once. */
const MAX_WAITING = 50_000;

interface Waiting extends Ask {
  /** Null: look again. */
  readonly wake: (found: OwnedHistory | null) => void;
}

interface Group {
  readonly asks: Ask[];
  readonly result: Promise<readonly (OwnedHistory | null)[]>;
}

export class HistoryWatch implements Disposable {
  readonly #sql: Sql;
  readonly #readTimeoutMs: number;
  readonly #tickMs: number;
  readonly #waiting = new Map<string, Set<Waiting>>();
  #waitingCount = 0;
  #isPolling = false;
  readonly #closed = new AbortController();
  /** The reads that share the next query. */
  #group: Group | undefined;

  /** Tests override the limits above. */
  constructor(sql: Sql, { readTimeoutMs = READ_TIMEOUT_MS, tickMs = TICK_MS } = {}) {
    this.#sql = sql;
    this.#readTimeoutMs = readTimeoutMs;
    this.#tickMs = tickMs;
  }

  /**
   * The lines after `after` and the status. With `waitMs` and without such lines: as soon as there are some, the time is up or `signal`
   * aborts. A finished saga is answered at once. Null, at once, when the user has no such saga. Throws the error of the database, and
   * SERVICE_UNAVAILABLE when the database is silent.
   */
  async history(
    { sagaId, after }: Ask,
    userId: string,
    { waitMs = 0, signal }: WaitOptions = {},
  ): Promise<SagaHistory | null> {
    const isRefused = this.#closed.signal.aborted || this.#waitingCount >= MAX_WAITING;
    if (waitMs === 0 || isRefused || signal?.aborted === true)
      return historyFor(userId, await this.#read({ sagaId, after }));
    const { promise, resolve } = Promise.withResolvers<OwnedHistory | null>();
    // Registered before the first read, so that a line that is written right after it is not missed.
    const waiting: Waiting = { sagaId, after, wake: resolve };
    this.#add(waiting);
    const giveUp = () => resolve(null);
    const timer = setTimeout(giveUp, waitMs);
    signal?.addEventListener("abort", giveUp);
    try {
      const now = historyFor(userId, await this.#read(waiting));
      if (now === null || now.events.length > 0 || now.view.completed_at !== null) return now;
      return historyFor(userId, (await promise) ?? (await this.#read(waiting)));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      this.#remove(waiting);
    }
  }

  /** Call this after this process has committed these sagas. */
  changed(sagas: readonly Saga[]): void {
    for (const { saga_id } of sagas) for (const { wake } of this.#waiting.get(saga_id) ?? []) wake(null);
  }

  /** Ends every wait with what is there. Later calls do not wait. */
  [Symbol.dispose](): void {
    this.#closed.abort();
    for (const all of this.#waiting.values()) for (const { wake } of all) wake(null);
  }

  #add(waiting: Waiting): void {
    const others = this.#waiting.get(waiting.sagaId);
    if (others === undefined) this.#waiting.set(waiting.sagaId, new Set([waiting]));
    else others.add(waiting);
    this.#waitingCount += 1;
    if (!this.#isPolling) void this.#poll();
  }

  #remove(waiting: Waiting): void {
    const all = this.#waiting.get(waiting.sagaId);
    if (all?.delete(waiting) === true) this.#waitingCount -= 1;
    if (all?.size === 0) this.#waiting.delete(waiting.sagaId);
  }

  /** Runs while any call waits. Never rejects. */
  async #poll(): Promise<void> {
    this.#isPolling = true;
    while (this.#waiting.size > 0 && !this.#closed.signal.aborted) {
      await pause(this.#tickMs, this.#closed.signal);
      const all = [...this.#waiting.values()].flatMap((waiting) => [...waiting]);
      for (let i = 0; i < all.length; i += MAX_BATCH) {
        const batch = all.slice(i, i + MAX_BATCH);
        // A failed read does no harm: the next tick reads again, and each call ends at its own time limit.
        const found = await this.#query(batch).catch(() => null);
        if (found === null) break;
        for (const [at, one] of found.entries())
          if (one !== null && one.history.events.length > 0) batch[at]?.wake(one);
      }
    }
    this.#isPolling = false;
  }

  async #read(ask: Ask): Promise<OwnedHistory | null> {
    if (this.#group === undefined || this.#group.asks.length >= MAX_BATCH) this.#group = this.#openGroup();
    const { asks, result } = this.#group;
    const at = asks.push(ask) - 1;
    return (await result)[at] ?? null;
  }

  #openGroup(): Group {
    const asks: Ask[] = [];
    const result = pause(LINGER_MS).then(() => {
      if (this.#group?.asks === asks) this.#group = undefined;
      return this.#query(asks);
    });
    return { asks, result };
  }

  async #query(asks: readonly Ask[]): Promise<readonly (OwnedHistory | null)[]> {
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const message = `the saga database did not answer within ${this.#readTimeoutMs} ms`;
      silence.reject(new AppError("SERVICE_UNAVAILABLE", message));
    }, this.#readTimeoutMs);
    try {
      return await Promise.race([readHistories(this.#sql, asks), silence.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function historyFor(userId: string, found: OwnedHistory | null): SagaHistory | null {
  return found?.user_id === userId ? found.history : null;
}
