// Rebuilds reservations after inventory was restored from a backup. Deciding lost ones again could give the last piece in stock
// to another checkout. So they are recreated from inventory's own events, which `outbox restore` wrote back, and commands with a
// reply are not decided again. Called by `checkoutctl catalogue rebuild`.
import type { Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import {
  askedReservations,
  makeTombstones,
  countStock,
  dropTombstonesOfTold,
  enterAnswered,
  lockStock,
  reserveAgain,
  settleReservations,
} from "./stock-rebuild-store.ts";

export interface StockRebuildOptions {
  readonly inventory: Sql;
  /** Has the commands sent to inventory and the audit trail. */
  readonly saga: Sql;
  /** Epoch ms. Looks at commands sent since then. */
  readonly since: number;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
  readonly actor: string;
  readonly reason: string;
}

export interface StockRebuildReport {
  readonly run_id: string;
  /** Sagas whose reservation was missing. */
  readonly lost: number;
  /** Sagas whose reservation had another state. */
  readonly settled: number;
  /** Commands that had a reply. */
  readonly answered: number;
}

/** All or nothing. Throws MESSAGE_INVALID if more is reserved than was ever in stock: then deliveries were lost as well. */
export async function rebuildStock(options: StockRebuildOptions): Promise<StockRebuildReport> {
  const { inventory, saga, since, newId, now, actor, reason } = options;
  const run_id = newId();
  const asked = await askedReservations(saga, since);
  const counts = await inventory.begin(async (tx) => {
    await lockStock(tx);
    await dropTombstonesOfTold(tx);
    const lost = await reserveAgain(tx);
    const settled = await settleReservations(tx);
    await makeTombstones(tx);
    const short = await countStock(tx);
    if (short.length > 0) {
      const skus = short.map(({ sku_id, missing }) => `${missing} of ${sku_id}`).join(", ");
      throw new AppError(
        "MESSAGE_INVALID",
        `more is reserved than was ever in stock, missing ${skus}: load the deliveries since the backup into the catalogue first`,
      );
    }
    return { lost, settled, answered: await enterAnswered(tx, asked) };
  });
  const detail = `${counts.lost} lost, ${counts.settled} settled, ${counts.answered} commands answered`;
  const act = {
    action_id: newId(),
    run_id,
    action: "stock.rebuild",
    subject: "inventory",
    saga_id: null,
  } as const;
  await recordActions(saga, [{ ...act, actor, reason, outcome: "rebuilt", detail, at: now }]);
  return { run_id, ...counts };
}
