// Answers calls that follow a saga: at once if there is something new, else when there is. Called by api.ts.
import type { Sql } from "postgres";
import type { SagaHistory } from "../../schemas/shop.ts";
import { SagaWatch, type WaitOptions } from "./saga-watch.ts";
import type { Saga } from "./state.ts";
import { type Ask, type OwnedHistory, readHistories } from "./status-store.ts";

/** A shopper who looks at a page does not notice such a delay. */
const TICK_MS = 1_000;

export class HistoryWatch implements Disposable {
  readonly #watch: SagaWatch<Ask, OwnedHistory>;

  /** Tests override the limit. */
  constructor(sql: Sql, { tickMs = TICK_MS } = {}) {
    this.#watch = new SagaWatch({
      read: (asks) => readHistories(sql, asks),
      what: "the history of checkouts",
      // A finished saga has no more lines to wait for.
      isNews: ({ history }) => history.events.length > 0 || history.view.completed_at !== null,
      tickMs,
    });
  }

  /** The lines after `after` and the status; with `waitMs` and without such lines, as soon as there are some: see SagaWatch.wait. */
  async history(ask: Ask, userId: string, wait: WaitOptions = {}): Promise<SagaHistory | null> {
    return (await this.#watch.wait(ask, userId, wait))?.history ?? null;
  }

  /** Call this after this process has committed these sagas. */
  changed(sagas: readonly Saga[]): void {
    // Each call has seen other lines, so each reads again.
    for (const { saga_id } of sagas) this.#watch.wake(saga_id, null);
  }

  /** Ends every wait with what is there. Later calls do not wait. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}
