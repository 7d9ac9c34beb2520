// One batch of a run that discards dead letters for good. The records stay in the topic until its retention deletes them, but
// `checkoutctl dlq` no longer shows them. Called by run-executor.ts.
import type { TransactionSql } from "postgres";
import { type OperatorAction, recordActions } from "../messaging/operator-action-store.ts";
import { describeHandling, isOpen } from "./dead-letters.ts";
import { handlingsOf, settleActions } from "./dead-letter-store.ts";
import type { BulkContext } from "./bulk-context.ts";
import {
  type ItemUpdate,
  leftAlone,
  type LeasedRun,
  lockRun,
  mayBegin,
  type RunItem,
  sentElsewhere,
  updateItems,
} from "./run-store.ts";

export interface DiscardBatch extends Pick<BulkContext, "saga" | "clock" | "newId"> {
  readonly run: LeasedRun;
  readonly executor: string;
  readonly items: readonly RunItem[];
}

const TAKEN = "another run has just taken it";

/**
 * Returns how many were discarded. Leaves dead letters that were handled since the plan, or that a run is sending again now. Null
 * if the lease was lost, or the run was paused or stopped: nothing was done. One transaction, so nothing is ever in flight.
 */
export async function discardBatch({
  saga,
  run,
  executor,
  items,
  clock,
  newId,
}: DiscardBatch): Promise<number | null> {
  const before = await handlingsOf(
    saga,
    items.map(({ subject }) => subject),
  );
  return saga.begin(async (tx) => {
    if (!mayBegin(run, await lockRun(tx, run.plan_id, executor))) return null;
    const free = await endUnseen(tx, run, items, before);
    const lines = new Map(
      items
        .filter(
          ({ planned, subject }) => planned === "discard" && (!before.has(subject) || free.has(subject)),
        )
        .map(({ subject, saga_id, message_id }): [string, OperatorAction] => {
          const what = { action: "dead-letter.discard", subject, saga_id, message_id } as const;
          const who = { actor: run.started_by, reason: run.reason };
          const at = clock.now();
          return [
            subject,
            {
              action_id: newId(),
              run_id: run.plan_id,
              ...what,
              ...who,
              outcome: "discarded",
              detail: null,
              at,
            },
          ];
        }),
    );
    const recorded = new Set(
      (await recordActions(tx, [...lines.values()])).map(({ action_id }) => action_id),
    );
    const updates = items.map(({ position, subject, planned, why }): ItemUpdate => {
      const action_id = lines.get(subject)?.action_id ?? null;
      if (action_id !== null && recorded.has(action_id))
        return {
          position,
          outcome: "discarded",
          result: "discarded",
          detail: null,
          action_id,
          written_at: null,
          units_done: 1,
        };
      const handling = before.get(subject);
      const handled = isOpen(handling) ? TAKEN : describeHandling(handling);
      return leftAlone(position, planned === "discard" ? handled : why);
    });
    await updateItems(tx, run.plan_id, updates);
    return recorded.size;
  });
}

/**
 * Ends the replays of these dead letters whose outcome was never seen, except those in flight in a run. Returns the dead letters that are
 * free for a discard by that: a line that is not refused keeps every other act from its dead letter.
 */
async function endUnseen(
  tx: TransactionSql,
  run: LeasedRun,
  items: readonly RunItem[],
  before: Awaited<ReturnType<typeof handlingsOf>>,
): Promise<ReadonlySet<string>> {
  const unseen = items.flatMap(({ planned, subject }) => {
    const handling = before.get(subject);
    return planned === "discard" && handling?.outcome === null ? [handling] : [];
  });
  const taken = await sentElsewhere(
    tx,
    run.plan_id,
    unseen.map(({ action_id }) => action_id),
  );
  const ended = unseen.filter(({ action_id }) => !taken.has(action_id));
  const detail = `its outcome was not seen, and ${run.started_by} discarded it`;
  await settleActions(
    tx,
    ended.map(({ action_id }) => ({ action_id, outcome: "refused", detail })),
  );
  return new Set(ended.map(({ dead_letter_id }) => dead_letter_id));
}
