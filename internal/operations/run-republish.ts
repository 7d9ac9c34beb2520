// One batch of a run that publishes an outbox again: makes the next messages of the range unpublished, oldest first, so that the
// relay sends them. Called by run-executor.ts.
//
// Safe to repeat: a message that was made unpublished is no longer in the range, and was published after the plan once it is sent.
// So nothing is ever in flight, and a batch that was not saved is not counted, but not sent twice.
import { timestampOf } from "../kernel/timestamp.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { measureBacklog } from "../messaging/relay-store.ts";
import { DATABASES } from "../../schemas/migrations.ts";
import type { BulkContext } from "./bulk-context.ts";
import { discardedMessages, settleActions } from "./dead-letter-store.ts";
import { PlanRefused } from "./plan.ts";
import { unpublish } from "./republish-store.ts";
import {
  type BatchOutcome,
  leftAlone,
  type LeasedRun,
  lockRun,
  mayBegin,
  type RunItem,
  saveProgress,
  setAction,
  updateItems,
} from "./run-store.ts";

/** A million waiting events would delay current checkouts, which queue behind them, and the orchestrator would accept no new ones. */
const MAX_WAITING = 20_000;

export interface RepublishBatch extends Pick<BulkContext, "saga" | "database" | "clock" | "newId"> {
  readonly run: LeasedRun;
  readonly executor: string;
  readonly item: RunItem;
  readonly size: number;
}

/** Null if the lease was lost, or the run was paused or stopped: nothing was done. */
export async function republishBatch(
  batch: RepublishBatch,
): Promise<BatchOutcome | "waits for the relay" | null> {
  const { saga, database, run, executor, item, size } = batch;
  const { position } = item;
  const name = DATABASES.find((one) => one === item.subject);
  if (item.planned !== "send" || name === undefined) {
    const left = leftAlone(position, item.why);
    return { acted: 0, failed: 0, save: (tx) => updateItems(tx, run.plan_id, [left]) };
  }
  const sql = await database(name);
  const { unpublished } = await measureBacklog(sql, MAX_WAITING);
  if (unpublished + size > MAX_WAITING) return "waits for the relay";
  const { since, until, published_before: publishedBefore } = run.selection;
  if (typeof since !== "number" || typeof publishedBefore !== "number")
    throw new PlanRefused("invalid", `plan ${run.plan_id} has no time range`);
  const end = typeof until === "number" ? until : null;
  const action_id = item.action_id ?? batch.newId();
  const times = `from ${timestampOf(since)} ${end === null ? "on" : `to ${timestampOf(end)}`}`;
  const isOurs = await saga.begin(async (tx) => {
    if (!mayBegin(run, await lockRun(tx, run.plan_id, executor))) return false;
    if (item.action_id !== null) return true;
    const what = { action: "outbox.republish", subject: name, saga_id: null } as const;
    const who = { actor: run.started_by, reason: run.reason };
    const line = { action_id, run_id: run.plan_id, ...what, ...who, outcome: null, detail: times };
    await recordActions(tx, [{ ...line, at: batch.clock.now() }]);
    await setAction(tx, run.plan_id, position, action_id);
    return true;
  });
  if (!isOurs) return null;
  const range = { since, until: end, publishedBefore, discarded: await discardedMessages(saga) };
  const { count, last } = await unpublish(sql, range, item.cursor, size);
  const isDone = count < size;
  const detail = `${item.units_done + count} events ${times}`;
  return {
    acted: count,
    failed: 0,
    save: async (tx) => {
      await saveProgress(tx, run.plan_id, { position, count, cursor: last ?? item.cursor, isDone });
      if (isDone) await settleActions(tx, [{ action_id, outcome: "republished", detail }]);
    },
  };
}
