// Answers status calls, at once or when the saga finishes. Called by api.ts.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import { SagaWatch, type WaitOptions, withinReadTime } from "./saga-watch.ts";
import type { Saga } from "./state.ts";
import { type OwnedStatus, readOpenSagas, readStatuses, statusOfSaga } from "./status-store.ts";

const TICK_MS = 250;
const STATUSES = "the status of checkouts";

interface Ask {
  readonly sagaId: string;
}

export class StatusWatch implements Disposable {
  readonly #sql: Sql;
  readonly #readTimeoutMs: number | undefined;
  readonly #watch: SagaWatch<Ask, OwnedStatus>;

  /** Tests override the limits. */
  constructor(sql: Sql, { readTimeoutMs, tickMs = TICK_MS }: Limits = {}) {
    this.#sql = sql;
    this.#readTimeoutMs = readTimeoutMs;
    this.#watch = new SagaWatch({
      async read(asks) {
        const found = await readStatuses(sql, [...new Set(asks.map(({ sagaId }) => sagaId))]);
        return asks.map(({ sagaId }) => found.get(sagaId) ?? null);
      },
      what: STATUSES,
      isNews: ({ view }) => view.completed_at !== null,
      tickMs,
      readTimeoutMs,
    });
  }

  /** The status now; with `waitMs`, as soon as the saga has finished: see SagaWatch.wait. */
  async status(sagaId: string, userId: string, wait: WaitOptions = {}): Promise<SagaStatusView | null> {
    return (await this.#watch.wait({ sagaId }, userId, wait))?.view ?? null;
  }

  /** The user's sagas that have not finished, newest first. */
  open(userId: string): Promise<readonly SagaStatusView[]> {
    return withinReadTime(
      "the open checkouts of a shopper",
      readOpenSagas(this.#sql, userId),
      this.#readTimeoutMs,
    );
  }

  /** Those of these sagas that are the user's, in any order. */
  async some(sagaIds: readonly string[], userId: string): Promise<readonly SagaStatusView[]> {
    const found = await withinReadTime(STATUSES, readStatuses(this.#sql, sagaIds), this.#readTimeoutMs);
    return [...found.values()].filter(({ user_id }) => user_id === userId).map(({ view }) => view);
  }

  /** Call this after this process has committed these sagas. */
  changed(sagas: readonly Saga[]): void {
    for (const saga of sagas)
      if (saga.completed_at !== null && this.#watch.isWaitedFor(saga.saga_id))
        this.#watch.wake(saga.saga_id, statusOfSaga(saga));
  }

  /** Ends every wait with the current status. Later calls do not wait. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}

interface Limits {
  readonly readTimeoutMs?: number;
  readonly tickMs?: number;
}
