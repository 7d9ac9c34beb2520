// Answers "how is my saga doing?", at once or when it comes to rest. All who wait share one query per tick, and a commit in
// this process wakes them at once; the tick is for sagas that another replica moves. Called by api.ts.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import { assert } from "../kernel/errors.ts";
import { readStatuses } from "./store.ts";
import type { Saga } from "./state.ts";

const TICK_MS = 250;
/** At most this many sagas are asked for in one query. */
const MAX_BATCH = 1_000;
/** A status request older than this, in milliseconds, joins no further requests; keeps single reads grouped. */
const GROUP_MS = 2;

export interface OwnedStatus {
  readonly user_id: string;
  readonly view: SagaStatusView;
}

export class StatusWatch implements Disposable {
  readonly #sql: Sql;
  /** Who waits for which saga to come to rest. */
  readonly #watchers = new Map<string, Set<(status: OwnedStatus) => void>>();
  #tick: ReturnType<typeof setInterval> | undefined;
  /** The reads that will share the next query. */
  #group: { readonly ids: Set<string>; readonly result: Promise<Map<string, OwnedStatus>> } | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The status now, or, where `waitMs` is given and the saga is under way, as soon as it rests or the time is up. */
  async status(sagaId: string, waitMs: number): Promise<OwnedStatus | null> {
    const now = await this.#read(sagaId);
    if (now === null || waitMs === 0 || isAtRest(now)) return now;
    const settled = Promise.withResolvers<OwnedStatus | null>();
    const watchers = this.#watchers.get(sagaId) ?? new Set();
    watchers.add(settled.resolve);
    this.#watchers.set(sagaId, watchers);
    this.#tick ??= setInterval(
      () => void this.#poll([...this.#watchers.keys()].slice(0, MAX_BATCH)),
      TICK_MS,
    );
    const timer = setTimeout(() => settled.resolve(null), waitMs);
    try {
      return (await settled.promise) ?? (await this.#read(sagaId));
    } finally {
      clearTimeout(timer);
      watchers.delete(settled.resolve);
      if (watchers.size === 0 && this.#watchers.get(sagaId) === watchers) this.#watchers.delete(sagaId);
      if (this.#watchers.size === 0) this[Symbol.dispose]();
    }
  }

  /** Tells that these sagas were just changed by this process. */
  changed(sagas: readonly Saga[]): void {
    const watched = sagas.filter((saga) => saga.completed_at !== null && this.#watchers.has(saga.saga_id));
    if (watched.length > 0) void this.#poll(watched.map((saga) => saga.saga_id));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#tick);
    this.#tick = undefined;
  }

  async #poll(sagaIds: readonly string[]): Promise<void> {
    if (sagaIds.length === 0) return;
    // A failed read is not lost: the next tick asks again, and each waiter's own time limit answers in the end.
    const statuses = await readStatuses(this.#sql, sagaIds).catch(() => new Map<string, OwnedStatus>());
    for (const [sagaId, status] of statuses)
      if (isAtRest(status)) for (const resolve of this.#watchers.get(sagaId) ?? []) resolve(status);
    // Sagas looked at go to the end of the line, so that more than MAX_BATCH of them all get their turn.
    for (const sagaId of sagaIds) {
      const watchers = this.#watchers.get(sagaId);
      if (watchers === undefined) continue;
      this.#watchers.delete(sagaId);
      this.#watchers.set(sagaId, watchers);
    }
  }

  async #read(sagaId: string): Promise<OwnedStatus | null> {
    this.#group ??= this.#openGroup();
    this.#group.ids.add(sagaId);
    return (await this.#group.result).get(sagaId) ?? null;
  }

  #openGroup() {
    const ids = new Set<string>();
    const result = new Promise<void>((resolve) => setTimeout(resolve, GROUP_MS)).then(() => {
      assert(this.#group?.ids === ids, "a group is closed by its own timer");
      this.#group = undefined;
      return readStatuses(this.#sql, [...ids]);
    });
    return { ids, result };
  }
}

function isAtRest(status: OwnedStatus): boolean {
  return status.view.completed_at !== null;
}
