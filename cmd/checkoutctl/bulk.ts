// What the commands about plans and runs share: the connections of a bulk act, its executor in the foreground, the confirmation, and how
// plans and runs are printed.
import { hostname } from "node:os";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { describeError } from "../../internal/kernel/errors.ts";
import { objectionToReplay } from "../../internal/orchestrator/replay.ts";
import { moneyText } from "../../internal/kernel/money.ts";
import {
  describeTotals,
  type Operator,
  PlanRefused,
  reasonFault,
  type StartRequest,
} from "../../internal/operations/plan.ts";
import type { ItemRow } from "../../internal/operations/plan-store.ts";
import type { BulkContext } from "../../internal/operations/bulk-context.ts";
import type { DeadLetterBatches } from "../../internal/operations/dead-letters.ts";
import { within } from "../../internal/operations/ask.ts";
import { allItemsOf, type RunView } from "../../internal/operations/plans.ts";
import type { MailWatch } from "../../internal/operations/replay-send.ts";
import { RunExecutor } from "../../internal/operations/run-executor.ts";
import {
  mayFailText,
  outcomeText,
  pauseAfterText,
  progressText,
} from "../../internal/operations/run-progress.ts";
import { followRun } from "../../internal/operations/run-report.ts";
import { startRun, stopRun } from "../../internal/operations/runs.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { KafkaMailWatch } from "../../internal/platform/kafka/mail-watch.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { askOnTerminal } from "./ask-on-terminal.ts";
import { instant, table, whenInterrupted } from "./command.ts";
import type { Connections } from "./connections.ts";

/** Opens the saga database; the others when a replay needs them. */
export async function bulkContext(connections: Connections): Promise<BulkContext> {
  return {
    saga: await connections.database("saga"),
    databases: () => connections.databases(),
    database: (name) => connections.database(name),
    readDeadLetters: () => readDeadLetters(connections),
    objection: objectionToReplay,
    clock: systemClock,
    newId: () => Bun.randomUUIDv7(),
  };
}

/** Reads the whole dead-letter topic. */
export function readDeadLetters(connections: Connections): DeadLetterBatches {
  return readTopic({ ...connections.kafka(), topic: TOPICS.deadLetters });
}

/** Executes this run in the foreground. */
export function foregroundExecutor(
  connections: Connections,
  context: BulkContext,
  planId: string,
): RunExecutor {
  return new RunExecutor({
    ...context,
    mails: mailsOf(connections),
    executor: `checkoutctl on ${hostname()}, pid ${process.pid}, ${crypto.randomUUID().slice(0, 8)}`,
    planId,
    onRelayBehind: tellOnce(),
  });
}

/** Publishing an outbox again needs no setting for Kafka, so it is read when a mail is sent again. */
function mailsOf(connections: Connections): MailWatch {
  let opened: KafkaMailWatch | undefined;
  const watch = () => (opened ??= new KafkaMailWatch(connections.kafka()));
  return {
    begin: async (putBack) => watch().begin(putBack),
    fates: async (ids) => (ids.length === 0 ? new Map() : watch().fates(ids)),
  };
}

/** Somebody may have to start a relay. */
function tellOnce(): (database: string) => void {
  const told = new Set<string>();
  return (database) => {
    if (told.has(database)) return;
    told.add(database);
    // Over the progress bar, which is drawn again below.
    const start = process.stderr.isTTY ? "\r\x1b[2K" : "";
    process.stderr.write(`${start}${database}: waiting for the relay: is one running?\n`);
  };
}

/** `actor` lets only operators pass. */
export async function operatorOf(connections: Connections): Promise<Operator> {
  return { name: await connections.actor(), role: "operator" };
}

export interface Followed {
  /** `running` if it was interrupted, `paused` if it has paused itself; both are stopped by now. */
  readonly run: RunView;
  readonly items: readonly ItemRow[];
}

export interface FollowOptions {
  readonly reason: string;
  readonly confirm?: string | undefined;
  readonly onChange?: (run: RunView) => void;
}

/**
 * A plan and its run in one command, executed in the foreground until it is done, pauses itself or Ctrl-C. The same command makes a new
 * plan of the rest, so a run that is not done is stopped: nobody else may go on with it. Null if there is nothing to do, for example
 * because everything that matches is handled. Throws PlanRefused as `create` and `startRun` do.
 */
export async function planAndFollow(
  connections: Connections,
  context: BulkContext,
  create: (actor: Operator) => Promise<RunView>,
  options: FollowOptions,
): Promise<Followed | null> {
  // Nothing is planned if the start would be refused for its reason.
  const fault = reasonFault(options.reason);
  if (fault !== null) throw fault;
  const actor = await operatorOf(connections);
  const plan = await planUnlessDone(() => create(actor));
  if (plan === null) return null;
  const { plan_id: planId } = plan;
  await startRun(context, actor, planId, await startRequest(plan, options));
  const stop = (reason: string) => stopRun(context, actor, planId, reason);
  const run = await stoppedOnError(planId, stop, async () => {
    await using executor = foregroundExecutor(connections, context, planId);
    using interrupted = whenInterrupted();
    const { onChange } = options;
    const { signal } = interrupted;
    const ended = await followRun({ saga: context.saga, planId, executor, signal, onChange });
    if (ended.state === "running" || ended.state === "paused")
      await stop(ended.halted_because ?? "interrupted");
    return ended;
  });
  return { run, items: await allItemsOf(context, planId) };
}

/** The database with the runs may be the one that does not answer. */
const STOP_TIMEOUT_MS = 5_000;

/**
 * What `work` returns. If it throws, the run is stopped first: the command fails, so the operator does not expect a console to finish
 * it. If it cannot be stopped either, stderr says how to do it later. Exported for its test.
 */
export async function stoppedOnError<Result>(
  planId: string,
  stop: (reason: string) => Promise<unknown>,
  work: () => Promise<Result>,
  { timeoutMs, write }: { readonly timeoutMs: number; readonly write: (text: string) => void } = {
    timeoutMs: STOP_TIMEOUT_MS,
    write: (text) => void process.stderr.write(text),
  },
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    try {
      await within(timeoutMs, () => stop(`its command failed: ${describeError(error)}`));
    } catch (second) {
      // Refused: it is over already.
      if (!(second instanceof PlanRefused))
        write(
          `checkoutctl: the run ${planId} could not be stopped, and a console may go on with it: checkoutctl run stop ${planId}\n`,
        );
    }
    throw error;
  }
}

async function planUnlessDone(create: () => Promise<RunView>): Promise<RunView | null> {
  try {
    return await create();
  } catch (error) {
    if (error instanceof PlanRefused && error.refusal === "nothing-open") return null;
    throw error;
  }
}

/** `--confirm`: the count that a bulk act asks for, or the id of a quarantined message. */
export function confirmOption() {
  return new Option(
    "--confirm <count|id>",
    "confirm the number of messages, or the id of a quarantined one (default: asked on a terminal)",
  ).argParser((text: string): string => {
    if (!/^(\d{1,9}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(text))
      throw new InvalidArgumentError("It must be a number of messages, or the id of a quarantined one.");
    return text;
  });
}

/** Asks on a terminal if the plan needs a confirmation that was not given. Anywhere else the start is refused then. */
export async function startRequest(
  plan: RunView,
  { reason, confirm }: { readonly reason: string; readonly confirm?: string | undefined },
): Promise<StartRequest> {
  const needed = plan.needs_typed_count || plan.allows_quarantined;
  const typed = confirm ?? (needed && process.stdin.isTTY ? await ask(plan) : undefined);
  const typedCount = typed !== undefined && /^\d+$/.test(typed) ? Number(typed) : null;
  return { reason, typedCount, typedId: typed ?? null };
}

function ask({ kind, totals, allows_quarantined }: RunView): Promise<string> {
  const what = allows_quarantined ? "the id of the quarantined message" : `the count, ${totals.units},`;
  return askOnTerminal(`${kind} of ${describeTotals(totals)}. Type ${what} to start: `);
}

/** The line that starts a plan. */
export function startLine(plan: RunView, onlyItem: string | undefined): string {
  const confirm = plan.allows_quarantined ? onlyItem : plan.needs_typed_count ? plan.totals.units : undefined;
  const more = confirm === undefined ? "" : ` --confirm ${confirm}`;
  return `checkoutctl run start ${plan.plan_id} --reason TEXT${more}`;
}

/** A plan or run in full, without its items. */
export function runText(run: RunView): string {
  const { totals, counts } = run;
  const money = totals.money.map(
    ({ amount_cents, currency, sagas }) => `${moneyText(amount_cents, currency)} (${sagas} checkouts)`,
  );
  const isPlan = run.state === "draft" || run.state === "expired";
  const facts: (readonly [string, string | null])[] = [
    [isPlan ? "plan" : "run", run.plan_id],
    ["what", run.kind],
    ["selection", JSON.stringify(run.selection)],
    ["state", run.halted_because === null ? run.state : `${run.state}: ${run.halted_because}`],
    ["planned by", `${run.created_by} at ${instant(run.created_at)}`],
    ["expires", run.state === "draft" ? instant(run.expires_at) : null],
    [
      "started by",
      run.started_at === null ? null : `${run.started_by} at ${instant(run.started_at)}: ${run.reason}`,
    ],
    ["ended", instant(run.ended_at)],
    ["planned", `${totals.acts} to act on, ${totals.skipped} to skip, ${totals.refused} to refuse`],
    ["money", money.length === 0 ? "none" : money.join(", ")],
    ["rate", [rateText(run.rate_per_second), mayFailText(run)].filter((text) => text !== null).join(", ")],
    ["pauses after", pauseAfterText(run)],
    [isPlan ? "takes about" : "left, about", run.ended_at === null ? durationText(run.estimate_ms) : null],
    ["progress", isPlan ? null : progressText(run)],
    ["executed by", isPlan || run.ended_at !== null ? null : (run.executor ?? "nobody now")],
  ];
  if (counts.in_flight > 0) facts.push(["in flight", String(counts.in_flight)]);
  return table(
    ["", ""],
    facts.filter(([, text]) => text !== null),
  ).trimStart();
}

export function rateText(ratePerSecond: number): string {
  return ratePerSecond >= 1
    ? `${Number(ratePerSecond.toFixed(2))}/s`
    : `${Number((ratePerSecond * 60).toFixed(2))}/m`;
}

function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** One row per item: what was planned and what became of it. */
export function runItemTable(items: readonly ItemRow[]): string {
  return table(
    ["ITEM", "SAGA", "MESSAGE", "REPLAYS", "AMOUNT", "PLANNED", "OUTCOME", "WHY"],
    items.map((item) => [
      item.subject,
      item.saga_id,
      item.message_type,
      item.replays,
      item.amount_cents === null || item.currency === null
        ? null
        : moneyText(item.amount_cents, item.currency),
      item.planned,
      outcomeText(item),
      item.detail ?? item.why,
    ]),
  );
}
