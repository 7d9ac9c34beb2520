// Brings back cancellations of finished orders whose rows the saga database has lost. Their commands name them, which `outbox restore` wrote
// back: the order may be cancelled already, and without the row nobody would return its money. A cancellation only goes forward and each of
// its commands may be repeated, so the row continues at the last step that was asked for. Called by repair.ts.
import type { Sql } from "postgres";
import {
  type CancellationCommand,
  cancellationCommands,
  insertCancellations,
  ordersOfSagas,
} from "./repair-store.ts";

export interface CancellationsRebuilt {
  readonly rebuilt: readonly { readonly saga_id: string; readonly step: string }[];
  /** One sentence each. */
  readonly not_rebuilt: readonly string[];
}

const STEPS = ["order", "refund", "release"] as const;

interface LostCancellation {
  readonly cancellation_id: string;
  readonly saga_id: string;
  readonly step: (typeof STEPS)[number];
  /** When it began, epoch ms. */
  readonly at: number;
}

/** Looks at those that moved since `since`, epoch ms. Safe to repeat: a row that is there stays as it is. */
export async function rebuildCancellations(
  saga: Sql,
  since: number,
  now: number,
): Promise<CancellationsRebuilt> {
  const found = cancellationsOf(await cancellationCommands(saga, since));
  if (found.length === 0) return { rebuilt: [], not_rebuilt: [] };
  const orders = await ordersOfSagas(
    saga,
    found.map(({ saga_id }) => saga_id),
  );
  const known = found.flatMap((one) => {
    const order_id = orders.get(one.saga_id);
    return order_id === undefined ? [] : [{ ...one, order_id }];
  });
  const made = await insertCancellations(saga, known, now);
  return {
    rebuilt: known
      .filter(({ cancellation_id }) => made.has(cancellation_id))
      .map(({ saga_id, step }) => ({ saga_id, step })),
    not_rebuilt: found
      .filter(({ saga_id }) => !orders.has(saga_id))
      .map(
        ({ saga_id }) => `checkout ${saga_id}: its order was being cancelled, and nothing names the order`,
      ),
  };
}

/** Pure. Each with its last step. */
export function cancellationsOf(commands: readonly CancellationCommand[]): readonly LostCancellation[] {
  const found = new Map<string, LostCancellation>();
  for (const { saga_id, key, at } of commands) {
    const [cancellation_id = "", name] = key.split(":");
    const step = STEPS.find((one) => one === name);
    if (step === undefined) continue;
    const known = found.get(cancellation_id);
    const isLater = known === undefined || STEPS.indexOf(step) > STEPS.indexOf(known.step);
    const last = isLater ? step : known.step;
    found.set(cancellation_id, { cancellation_id, saga_id, step: last, at: Math.min(at, known?.at ?? at) });
  }
  return [...found.values()];
}
