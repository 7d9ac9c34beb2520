// Answers status calls, at once or when the saga finishes. A commit in this process wakes the waiting calls with the committed
// status. A tick looks for sagas that another replica has finished, with one query for all waiting calls. Called by api.ts.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import { pause } from "../messaging/pause.ts";
import type { Saga } from "./state.ts";
import { type OwnedStatus, readOpenSagas, readStatuses, statusOfSaga } from "./status-store.ts";

/** The longest delay until a saga that another replica has finished is noticed. */
const TICK_MS = 250;
/** At most this many sagas in one query. */
const MAX_BATCH = 1_000;
/** A status call waits this long for others to share its query; under load one query serves dozens. */
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

interface Waiting {
  readonly sagaId: string;
  /** Null when the wait ended before the saga was seen finished. */
  readonly wake: (status: OwnedStatus | null) => void;
}

interface Group {
  readonly sagaIds: Set<string>;
  readonly result: Promise<ReadonlyMap<string, OwnedStatus>>;
}

export class StatusWatch implements Disposable {
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
   * The status now; with `waitMs`, as soon as the saga has finished, the time is up or `signal` aborts. Null, at once, when the
   * user has no such saga: a wait would tell a stranger that somebody has one. Throws the error of the database, and
   * SERVICE_UNAVAILABLE when the database is silent.
   */
  async status(
    sagaId: string,
    userId: string,
    { waitMs = 0, signal }: WaitOptions = {},
  ): Promise<SagaStatusView | null> {
    const isRefused = this.#closed.signal.aborted || this.#waitingCount >= MAX_WAITING;
    if (waitMs === 0 || isRefused || signal?.aborted === true)
      return viewFor(userId, await this.#read(sagaId));
    const { promise, resolve } = Promise.withResolvers<OwnedStatus | null>();
    // Registered before the first read, so that a saga that finishes right after it is not missed.
    const waiting: Waiting = { sagaId, wake: resolve };
    this.#add(waiting);
    const giveUp = () => resolve(null);
    const timer = setTimeout(giveUp, waitMs);
    signal?.addEventListener("abort", giveUp);
    try {
      const now = viewFor(userId, await this.#read(sagaId));
      if (now === null || now.completed_at !== null) return now;
      return viewFor(userId, (await promise) ?? (await this.#read(sagaId)));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      this.#remove(waiting);
    }
  }

  /** The user's sagas that have not finished, newest first. */
  open(userId: string): Promise<readonly SagaStatusView[]> {
    return readOpenSagas(this.#sql, userId);
  }

  /** Call this after this process has committed these sagas. */
  changed(sagas: readonly Saga[]): void {
    for (const saga of sagas)
      if (saga.completed_at !== null && this.#waiting.has(saga.saga_id)) this.#wake(statusOfSaga(saga));
  }

  /** Ends every wait with the current status. Later calls do not wait. */
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

  #wake(status: OwnedStatus): void {
    for (const { wake } of this.#waiting.get(status.view.saga_id) ?? []) wake(status);
  }

  /** Runs while any call waits. Never rejects. */
  async #poll(): Promise<void> {
    this.#isPolling = true;
    while (this.#waiting.size > 0 && !this.#closed.signal.aborted) {
      await pause(this.#tickMs, this.#closed.signal);
      const sagaIds = [...this.#waiting.keys()];
      for (let i = 0; i < sagaIds.length; i += MAX_BATCH) {
        // A failed read does no harm: the next tick reads again, and each call ends at its own time limit.
        const statuses = await this.#query(sagaIds.slice(i, i + MAX_BATCH)).catch(() => null);
        if (statuses === null) break;
        for (const status of statuses.values()) if (status.view.completed_at !== null) this.#wake(status);
      }
    }
    this.#isPolling = false;
  }

  async #read(sagaId: string): Promise<OwnedStatus | null> {
    if (this.#group === undefined || this.#group.sagaIds.size >= MAX_BATCH) this.#group = this.#openGroup();
    const { sagaIds, result } = this.#group;
    sagaIds.add(sagaId);
    return (await result).get(sagaId) ?? null;
  }

  #openGroup(): Group {
    const sagaIds = new Set<string>();
    const result = pause(LINGER_MS).then(() => {
      if (this.#group?.sagaIds === sagaIds) this.#group = undefined;
      return this.#query([...sagaIds]);
    });
    return { sagaIds, result };
  }

  async #query(sagaIds: readonly string[]): Promise<ReadonlyMap<string, OwnedStatus>> {
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const message = `the saga database did not answer within ${this.#readTimeoutMs} ms`;
      silence.reject(new AppError("SERVICE_UNAVAILABLE", message));
    }, this.#readTimeoutMs);
    try {
      return await Promise.race([readStatuses(this.#sql, sagaIds), silence.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function viewFor(userId: string, status: OwnedStatus | null): SagaStatusView | null {
  return status?.user_id === userId ? status.view : null;
}
