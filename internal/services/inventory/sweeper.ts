// Gives the stock of expired holds back and tells the saga. Any replica may sweep at any time: a claim skips rows that another sweep or
// a command has locked. Run by a background loop of cmd/inventory.
import { describeError } from "../../kernel/errors.ts";
import type { Clock, RunResult } from "../../kernel/ports.ts";
import type { Database } from "../../messaging/database.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import { type HeldRow, namesOf } from "../../messaging/held-rows.ts";
import { append } from "../../messaging/outbox.ts";
import type { Log } from "../../kernel/telemetry.ts";
import { expire } from "./decide.ts";
import { applyDecision, claimExpired, heldRows, lockStock, saveRows, workingSet } from "./store.ts";

/** Maximum reservations per sweep: keeps locks on hot SKUs short. After a full batch the loop runs again at once. */
const SWEEP_LIMIT = 500;
/** Maximum batches to search for holds that need no locked row. */
const MAX_ROUNDS_WHEN_LOCKED = 20;

export interface SweeperOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Called with the events after their transaction has committed. */
  readonly onCommitted: (messages: readonly Outgoing[]) => void;
  readonly log: Pick<Log, "warn">;
  readonly limit?: number;
  /**
   * The one database in which holds may expire, null while there is none; without this option any database may be swept. See
   * messaging/past-watch.ts.
   */
  readonly compared?: () => string | null;
}

/**
 * Expires one batch. `processed` is the number of reservations whose stock went back. If a row stays locked, skips the reservations
 * that need it and goes on with the batches behind them.
 */
export async function sweepExpired(options: SweeperOptions): Promise<RunResult> {
  const { database, limit = SWEEP_LIMIT, log } = options;
  if (options.compared?.() === null) return { processed: 0, hasMore: false };
  try {
    const { changed } = await sweep(options, { without: [], isWaiting: true });
    return { processed: changed, hasMore: changed >= limit };
  } catch (error) {
    if (database.faultOf(error) !== "locked") throw error;
    const held: HeldRow[] = [];
    let processed = 0;
    for (let rounds = 0; rounds < MAX_ROUNDS_WHEN_LOCKED; rounds += 1) {
      const passedOver = held.map(({ saga_id }) => saga_id);
      const round = await sweep(options, { without: passedOver, isWaiting: false });
      processed += round.changed;
      held.push(...round.held);
      if (round.claimed < limit) break;
    }
    const why = describeError(error);
    log.warn(
      { ...namesOf(held), processed },
      `rows are locked, the expired holds that need them wait: ${why}`,
    );
    return { processed, hasMore: processed >= limit };
  }
}

/** One transaction. Waits for locked stock, or skips the reservations that need it. */
async function sweep(
  { database, clock, newId, onCommitted, limit = SWEEP_LIMIT, compared }: SweeperOptions,
  { without, isWaiting }: { readonly without: readonly string[]; readonly isWaiting: boolean },
): Promise<{ readonly changed: number; readonly claimed: number; readonly held: readonly HeldRow[] }> {
  const { rows, claimed, held } = await database.transaction(async ({ tx, send, finish, appended }) => {
    const now = clock.now();
    const [lines] = await send([claimExpired(tx, now, limit, without, compared?.() ?? null)]);
    const sagas = [...new Set(lines.map(({ saga_id }) => saga_id))];
    const wants = lines.flatMap(({ saga_id, sku_id }) => (sku_id === null ? [] : [{ saga_id, sku_id }]));
    const [locked] = isWaiting ? [[]] : await send([heldRows(tx, { sagas, releasing: [] }, wants)]);
    const waiting = new Set(locked.map(({ saga_id }) => saga_id));
    const free = lines.filter(({ saga_id }) => !waiting.has(saga_id));
    const skus = [...new Set(free.flatMap(({ sku_id }) => (sku_id === null ? [] : [sku_id])))];
    const [stock] = skus.length > 0 ? await send([lockStock(tx, { skus, sagas: [], releasing: [] })]) : [[]];

    const set = workingSet(free, stock);
    for (const reservation of set.reservations.values()) {
      applyDecision(set, reservation.saga_id, expire(reservation, now));
    }
    await finish([...saveRows(tx, set, now), ...append({ tx, appended }, [set], { newId, now })]);
    return { rows: set, claimed: sagas.length, held: locked };
  });
  onCommitted(rows.out);
  return { changed: rows.changed.size, claimed, held };
}
