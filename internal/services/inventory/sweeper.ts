// Gives the stock of holds back whose saga took too long, and tells the saga. Any replica may sweep at any time: a claim skips
// what another has, or what a command is changing. Ticked by a background loop of cmd/inventory.
import { TOPICS } from "../../../schemas/topics.ts";
import type { Clock } from "../../kernel/ports.ts";
import type { Database } from "../../messaging/database.ts";
import { envelop } from "../../messaging/envelope.ts";
import type { Outgoing } from "../../messaging/handler.ts";
import { outboxStatements } from "../../messaging/outbox.ts";
import { expire } from "./decide.ts";
import { applyDecision, claimExpired, lockStock, saveRows, workingSet } from "./store.ts";

/** Reservations per sweep: keeps the locks on hot SKUs short. The loop comes back at once after a full batch. */
export const SWEEP_LIMIT = 500;

export interface SweeperOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Told what was said, once it is durable. */
  readonly observe: (said: readonly Outgoing[]) => void;
  readonly limit?: number;
}

/** Expires at most one batch. `processed` is the number of reservations whose stock went back. */
export async function sweepExpired(options: SweeperOptions): Promise<{ readonly processed: number }> {
  const { database, clock, newId, observe, limit = SWEEP_LIMIT } = options;
  const { out, changed } = await database.transaction(async ({ tx, send, finish }) => {
    const now = clock.now();
    const [lines] = await send([claimExpired(tx, now, limit)]);
    const skus = [...new Set(lines.flatMap(({ sku_id }) => (sku_id === null ? [] : [sku_id])))];
    const [stock] = skus.length > 0 ? await send([lockStock(tx, { skus, sagas: [], releasing: [] })]) : [[]];

    const rows = workingSet(lines, stock);
    for (const reservation of rows.reservations.values()) {
      applyDecision(rows, reservation.saga_id, expire(reservation, now));
    }
    const events = envelop(rows.out, { eventTopic: TOPICS.inventoryEvents, newId, now });
    await finish([...saveRows(tx, rows, now), ...outboxStatements(tx, events)]);
    return rows;
  });
  observe(out);
  return { processed: changed.size };
}
