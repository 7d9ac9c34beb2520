// One batch of a run that replays dead letters: decide on current facts, claim in the audit trail, put the messages back, watch for
// their outcomes. After a crash the next executor calls it with the items that were left in flight. Called by run-executor.ts.
//
// The claim is one transaction under the run's lease, so two executors never claim the same item. Putting a message back compares when
// its outbox wrote it, so it is put back once even if an executor wakes up after its lease has ended. A transaction locks the run, then
// lines of the audit trail, then items: another run may settle what this one has left in flight.
import type { TransactionSql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { type OperatorAction, recordActions } from "../messaging/operator-action-store.ts";
import { settleActions, type Settlement } from "./dead-letter-store.ts";
import type { BulkContext } from "./bulk-context.ts";
import { failedReplays } from "./plan-store.ts";
import { examine, type Examined } from "./replay-facts.ts";
import { decideReplay, producerOf } from "./replay-plan.ts";
import {
  type Clocks,
  clocksOf,
  isMail,
  type MailWatch,
  type PutBackMail,
  type Sendable,
  sendBatch,
  watchBatch,
} from "./replay-send.ts";
import {
  type BatchOutcome,
  countAttempt,
  type ItemUpdate,
  leftAlone,
  type LeasedRun,
  lockRun,
  mayBegin,
  type RunItem,
  sentElsewhere,
  setClocks,
  uncountAttempt,
  updateItems,
} from "./run-store.ts";
import { outcomeOf, type Verdict, verdictOn } from "./run-verdict.ts";

export interface ReplayBatch extends BulkContext {
  readonly mails: MailWatch;
  readonly run: LeasedRun;
  readonly executor: string;
  readonly items: readonly RunItem[];
  /** By id; those no longer on the topic are missing. */
  readonly records: ReadonlyMap<string, DeadLetter>;
  /** Ends the watching: what is in flight then is left to the next executor. */
  readonly signal: AbortSignal;
}

interface Judged {
  readonly item: RunItem;
  readonly record: DeadLetter | undefined;
  readonly verdict: Verdict;
  /** The audit line of an attempt whose outcome is not known: of an earlier run, or of this one before a crash. */
  readonly pending: string | undefined;
  /** Whether that line is of this run. */
  readonly isOwn: boolean;
}

interface InFlight extends Sendable {
  readonly position: number;
  /** As `RunItem`. */
  readonly written_at: string | null;
  readonly isPutBack: boolean;
}

/**
 * Null if the lease was lost, or the run was paused or stopped before the claim: nothing was sent. Also if the signal has ended it: then
 * items may be in flight.
 */
export async function replayBatch(batch: ReplayBatch): Promise<BatchOutcome | null> {
  const { run, mails, signal } = batch;
  const databases = await batch.databases();
  const judged = await judge(batch);
  const since = run.batch_clocks ?? (await clocksOf(databases));
  const inFlight = await claim(batch, judged, since);
  if (inFlight === null) return null;
  if (inFlight.some(isMail)) await mails.begin(putBackMails(inFlight, since));
  await sendBatch(
    databases,
    inFlight.filter(({ isPutBack }) => !isPutBack),
  );
  const seen = await watchBatch(databases, mails, inFlight, { since, waitMs: run.wait_ms, signal });
  if (signal.aborted && seen.size < inFlight.length) return null;
  const settled = inFlight.map(({ action_id, position, written_at }) => ({
    position,
    action_id,
    written_at,
    units_done: 1,
    ...outcomeOf(seen.get(action_id)),
  }));
  const settlements = [...seen].map(([action_id, outcome]) => ({ action_id, outcome, detail: null }));
  return {
    acted: settled.length,
    failed: settled.filter(({ outcome }) => outcome === "failed").length,
    save: async (tx) => {
      await settleActions(tx, settlements);
      await updateItems(tx, run.plan_id, settled);
    },
  };
}

function putBackMails(inFlight: readonly InFlight[], since: Clocks): readonly PutBackMail[] {
  return inFlight.flatMap((one) => {
    const producer = producerOf(one.record.original.topic);
    if (!one.isPutBack || !isMail(one) || producer === undefined) return [];
    const { dead_letter_id } = one.record;
    return [{ message_id: one.sent.message_id, dead_letter_id, since: since[producer] }];
  });
}

async function judge({
  run,
  items,
  records,
  objection,
  clock,
  ...context
}: ReplayBatch): Promise<readonly Judged[]> {
  const found = items.flatMap(({ subject }) => {
    const record = records.get(subject);
    return record === undefined ? [] : [record];
  });
  const messageIds = items.flatMap(({ message_id }) => (message_id === null ? [] : [message_id]));
  const [examined, replays] = await Promise.all([
    examine(await context.databases(), found, clock.now()),
    failedReplays(context.saga, messageIds, run.plan_id),
  ]);
  const byId = new Map(examined.map((one): [string, Examined] => [one.record.dead_letter_id, one]));
  return items.map((item) => {
    const one = byId.get(item.subject);
    const handling = one?.facts.handling;
    const isOwn = handling?.run_id === run.plan_id;
    // The line of an earlier run counts the attempt that an executor of this one has claimed before it died.
    const own = item.outcome === "in flight" && handling !== undefined && !isOwn ? 1 : 0;
    const verdict = verdictOn({
      item,
      decision: one === undefined ? undefined : decideReplay(one.original, one.facts, objection),
      kept: one?.facts.kept,
      replays: (replays.get(item.message_id ?? "") ?? 0) - own,
      allowsQuarantined: run.allows_quarantined,
    });
    return { item, record: one?.record, verdict, pending: handling?.action_id, isOwn };
  });
}

/** Two runs that repeat the same attempt of an earlier one at the same moment meet at a unique index. The next call sees the other. */
async function claim(...claimed: Parameters<typeof claimOnce>): ReturnType<typeof claimOnce> {
  try {
    return await claimOnce(...claimed);
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "constraint_name") === "operator_plan_items_in_flight")
      return null;
    throw error;
  }
}

/** Writes the audit lines and marks the items that this batch sends, all in one transaction. */
function claimOnce(
  { run, executor, saga, ...context }: ReplayBatch,
  judged: readonly Judged[],
  since: Parameters<typeof setClocks>[2],
): Promise<readonly InFlight[] | null> {
  return saga.begin(async (tx) => {
    const now = await lockRun(tx, run.plan_id, executor);
    const isRecovery = judged.some(({ item }) => item.outcome === "in flight");
    if (now === undefined || (!mayBegin(run, now) && !isRecovery)) return null;
    if (now.state !== "running") await withdraw(tx, run, judged.filter(isUnsent));
    const judgedNow = now.state === "running" ? judged : judged.filter((one) => !isUnsent(one));
    const elsewhere = await sentElsewhere(tx, run.plan_id, attemptsOf(judgedNow));
    const lines = judgedNow.flatMap((one) => lineOf(one, run, context));
    const recorded = new Set((await recordActions(tx, lines)).map(({ action_id }) => action_id));
    const lineBy = new Map(lines.map((line) => [line.subject, line.action_id]));
    const updates: ItemUpdate[] = [];
    const settlements: Settlement[] = [];
    const inFlight: InFlight[] = [];
    for (const one of judgedNow) {
      const { item, record, verdict, pending } = one;
      const { position, subject } = item;
      const action_id = lineBy.get(subject) ?? pending ?? null;
      if (verdict.kind === "settle") {
        const { outcome, result, why } = verdict;
        updates.push({
          position,
          outcome,
          result,
          detail: why,
          action_id,
          written_at: item.written_at,
          units_done: 0,
        });
        // A saga that moved on since makes its dead letter open again.
        if (pending !== undefined && result !== "left" && !isKept(one))
          settlements.push({ action_id: pending, outcome: result, detail: why });
      } else if (isTaken(action_id, pending, recorded, elsewhere)) {
        updates.push(leftAlone(position, "another run has just taken it"));
      } else if (record !== undefined && action_id !== null) {
        const { sent } = verdict;
        const isPutBack = verdict.kind === "watch";
        const written_at = isPutBack ? item.written_at : (sent.written_at ?? null);
        const lost = verdict.kind === "send" ? verdict.lost : null;
        inFlight.push({ action_id, record, sent, lost, position, written_at, isPutBack });
        const open = { outcome: "in flight", result: null, detail: null, units_done: 0 } as const;
        updates.push({ position, ...open, action_id, written_at });
      }
    }
    await settleActions(tx, settlements);
    await countAttempt(tx, isRecovery ? [] : again(inFlight, recorded));
    await uncountAttempt(tx, refusedUnsent(judgedNow));
    await updateItems(tx, run.plan_id, updates);
    if (!isRecovery) await setClocks(tx, run.plan_id, since);
    return inFlight;
  });
}

/** Claimed by an executor that died before it put the message back. */
function isUnsent({ verdict }: Judged): boolean {
  return verdict.kind === "send";
}

/**
 * The run was paused or stopped since these were claimed, so they are not sent: not reached, and their dead letters are as open as before
 * the claim.
 */
async function withdraw(tx: TransactionSql, run: LeasedRun, unsent: readonly Judged[]): Promise<void> {
  const why = "its run was paused or stopped before it was sent";
  const lines = (isOwn: boolean) =>
    unsent.flatMap((one) => (one.pending !== undefined && one.isOwn === isOwn ? [one.pending] : []));
  await settleActions(
    tx,
    lines(true).map((action_id) => ({ action_id, outcome: "refused", detail: why })),
  );
  await uncountAttempt(tx, lines(false));
  await updateItems(
    tx,
    run.plan_id,
    unsent.map(({ item: { position } }) => {
      const nothing = { result: null, detail: null, action_id: null, written_at: null, units_done: 0 };
      return { position, outcome: null, ...nothing };
    }),
  );
}

/** Attempts of earlier runs that this batch wants to repeat. */
function attemptsOf(judged: readonly Judged[]): readonly string[] {
  return judged.flatMap(({ verdict, pending }) =>
    verdict.kind === "send" && pending !== undefined ? [pending] : [],
  );
}

function isTaken(
  actionId: string | null,
  pending: string | undefined,
  recorded: ReadonlySet<string>,
  elsewhere: ReadonlySet<string>,
): boolean {
  if (pending !== undefined) return elsewhere.has(pending);
  return actionId === null || !recorded.has(actionId);
}

function again(inFlight: readonly InFlight[], recorded: ReadonlySet<string>): readonly string[] {
  return inFlight.flatMap(({ action_id }) => (recorded.has(action_id) ? [] : [action_id]));
}

/**
 * An attempt of an earlier run counts on as one without success if this run only refuses the message, for example because it is
 * quarantined: the refusal gets a line of its own.
 */
function isKept({ verdict, pending, isOwn }: Judged): boolean {
  if (verdict.kind !== "settle" || pending === undefined) return false;
  return verdict.result === "refused" && !verdict.endsAttempt && !isOwn;
}

/** Attempts of earlier runs that an executor of this one had claimed again, died, and that are refused now instead of sent. */
function refusedUnsent(judged: readonly Judged[]): readonly string[] {
  return judged.flatMap((one) =>
    one.item.outcome === "in flight" && one.pending !== undefined && isKept(one) ? [one.pending] : [],
  );
}

/** The audit line of an item: none if it is left alone, or if an attempt before has one that fits. */
function lineOf(
  one: Judged,
  { plan_id: run_id, started_by: actor, reason }: LeasedRun,
  { newId, clock }: Pick<BulkContext, "newId" | "clock">,
): readonly OperatorAction[] {
  const { item, verdict, pending } = one;
  const isLeft = verdict.kind === "settle" && verdict.result === "left";
  if (isLeft || (pending !== undefined && !isKept(one))) return [];
  const { subject, saga_id, message_id } = item;
  const outcome = verdict.kind === "settle" ? verdict.result : null;
  const detail = verdict.kind === "settle" ? verdict.why : null;
  const what = { action: "dead-letter.replay", subject, saga_id, message_id, actor, reason } as const;
  return [{ action_id: newId(), run_id, ...what, outcome, detail, at: clock.now() }];
}
