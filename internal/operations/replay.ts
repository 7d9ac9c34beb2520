// Replays dead letters: the first alone, then growing batches at a limited rate. Each batch waits for the outcomes at the
// consumers. The run stops when too many fail or on a signal. Every message gets an audit trail row; the rows also make a second
// run do nothing and let an interrupted run continue. Called by `checkoutctl dlq replay`.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { Clock } from "../kernel/ports.ts";
import { type OperatorAction, recordActions } from "../messaging/operator-action-store.ts";
import { pause } from "../messaging/pause.ts";
import { typeOf } from "./dead-letters.ts";
import { settleActions } from "./dead-letter-store.ts";
import { failsTooOften, MAX_REPLAY_BATCH, nextBatch, pauseAfter } from "./ramp.ts";
import { type Databases, examine, type Examined } from "./replay-facts.ts";
import { type Objection, type ReplayDecision, decideReplay } from "./replay-plan.ts";
import { type MailWatch, type Outcome, type Sendable, sendAndWatch } from "./replay-send.ts";

export interface ReplayOptions {
  readonly databases: Databases;
  /** Watches mails, because the notification service has no inbox. */
  readonly mails: MailWatch;
  readonly objection: Objection;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  readonly actor: string;
  readonly reason: string;
  readonly ratePerSecond: number;
  /** A share from 0 to 1. */
  readonly maxErrorRate: number;
  /** How long to wait for the outcomes of a batch. */
  readonly waitMs: number;
  /** Ends the run after the current batch. */
  readonly signal: AbortSignal;
  /** Called after each batch. */
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly sent: number;
  readonly failed: number;
  readonly left: number;
}

export interface ReplayItem {
  readonly dead_letter_id: string;
  readonly saga_id: string | null;
  readonly type: string;
  /** In a dry run, the planned decision. */
  readonly outcome: Outcome | ReplayDecision["kind"] | "not seen";
  readonly detail: string | null;
}

export interface ReplayReport extends Progress {
  readonly run_id: string;
  /** Null if the run completed. */
  readonly stopped: "error rate" | "interrupted" | null;
  readonly items: readonly ReplayItem[];
}

/** What a replay of these records would do, in order. Changes nothing. */
export async function planReplay(
  { databases, objection, clock }: Pick<ReplayOptions, "databases" | "objection" | "clock">,
  records: readonly DeadLetter[],
): Promise<readonly ReplayItem[]> {
  const items: ReplayItem[] = [];
  const ordered = inOrder(records);
  for (let start = 0; start < ordered.length; start += MAX_REPLAY_BATCH) {
    const examined = await examine(databases, ordered.slice(start, start + MAX_REPLAY_BATCH), clock.now());
    for (const one of examined) {
      const decision = decideReplay(one.original, one.facts, objection);
      items.push(itemOf(one.record, decision.kind, decision.kind === "send" ? null : decision.why));
    }
  }
  return items;
}

export async function replay(options: ReplayOptions, records: readonly DeadLetter[]): Promise<ReplayReport> {
  const run = new Run(options);
  const queue = [...inOrder(records)];
  let stopped: ReplayReport["stopped"] = null;
  for (let size = nextBatch(0, options.ratePerSecond); queue.length > 0 && stopped === null;) {
    if (options.signal.aborted) {
      stopped = "interrupted";
      break;
    }
    const begun = performance.now();
    const sent = await run.batch(queue.splice(0, size));
    options.onProgress({ ...run.counts, left: queue.length });
    if (failsTooOften(run.counts.sent, run.counts.failed, options.maxErrorRate)) stopped = "error rate";
    // A batch that sent nothing has tested nothing, so the size stays.
    if (sent > 0) size = nextBatch(size, options.ratePerSecond);
    const pauseMs = pauseAfter(sent, performance.now() - begun, options.ratePerSecond);
    if (queue.length > 0 && stopped === null) await pause(pauseMs, options.signal);
  }
  return { run_id: run.id, stopped, ...run.counts, left: queue.length, items: run.items };
}

class Run {
  readonly id: string;
  readonly items: ReplayItem[] = [];
  readonly counts = { sent: 0, failed: 0 };
  readonly #options: ReplayOptions;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.id = options.newId();
  }

  /** Decides on current facts, sends what may be sent, and waits for the outcomes. Returns how many were sent. */
  async batch(records: readonly DeadLetter[]): Promise<number> {
    const { databases, mails, objection, clock, waitMs } = this.#options;
    const examined = await examine(databases, records, clock.now());
    const judged = examined.map((one) => ({
      ...one,
      decision: decideReplay(one.original, one.facts, objection),
    }));
    const sendable = await this.#claim(judged);
    const outcomes = await sendAndWatch(databases, mails, sendable, waitMs);
    await settleActions(
      databases.saga,
      sendable.flatMap(({ action_id }) => {
        const outcome = outcomes.get(action_id);
        return outcome === undefined ? [] : [{ action_id, outcome, detail: null }];
      }),
    );
    for (const { action_id, record } of sendable) {
      const outcome = outcomes.get(action_id) ?? "not seen";
      this.counts.sent += 1;
      if (FAILURES.has(outcome)) this.counts.failed += 1;
      this.items.push(itemOf(record, outcome, null));
    }
    return sendable.length;
  }

  /** Writes the audit trail rows and returns the messages that this run may send. */
  async #claim(judged: readonly (Examined & { readonly decision: ReplayDecision })[]): Promise<Sendable[]> {
    const { databases } = this.#options;
    const lines: OperatorAction[] = [];
    const sendable: Sendable[] = [];
    for (const { record, decision, facts } of judged) {
      if (decision.kind !== "send") this.items.push(itemOf(record, decision.kind, decision.why));
      if (decision.kind === "left") continue;
      // A message that an earlier run sent without a known outcome keeps its row.
      const pending = facts.handling?.action_id;
      if (decision.kind === "handled" && pending !== undefined) {
        await settleActions(databases.saga, [{ action_id: pending, outcome: "handled", detail: null }]);
        continue;
      }
      const outcome = decision.kind === "send" ? null : decision.kind;
      const detail = decision.kind === "send" ? null : decision.why;
      const line = this.#line(record, outcome, detail);
      if (pending === undefined) lines.push(line);
      if (decision.kind === "send") {
        const { sent, lost } = decision;
        sendable.push({ action_id: pending ?? line.action_id, record, sent, lost });
      }
    }
    const recorded = await recordActions(databases.saga, lines);
    const ours = new Set(recorded.map(({ action_id }) => action_id));
    const others = new Set(lines.map(({ action_id }) => action_id).filter((id) => !ours.has(id)));
    for (const { action_id, record } of sendable)
      if (others.has(action_id)) this.items.push(itemOf(record, "left", "another run has just taken it"));
    return sendable.filter(({ action_id }) => !others.has(action_id));
  }

  #line(record: DeadLetter, outcome: string | null, detail: string | null): OperatorAction {
    const { newId, clock, actor, reason } = this.#options;
    const { dead_letter_id: subject, saga_id } = record;
    const what = { action: "dead-letter.replay", subject, saga_id, actor, reason } as const;
    return { action_id: newId(), run_id: this.id, ...what, outcome, detail, at: clock.now() };
  }
}

/** "not seen" is a failure: the consumer is down or overloaded. */
const FAILURES: ReadonlySet<ReplayItem["outcome"]> = new Set(["retry pending", "dead-lettered", "not seen"]);

/** A dead letter's id starts with the Kafka timestamp of its message, so the messages of one saga keep their order. */
function inOrder(records: readonly DeadLetter[]): readonly DeadLetter[] {
  return records.toSorted((one, other) => (one.dead_letter_id < other.dead_letter_id ? -1 : 1));
}

function itemOf(record: DeadLetter, outcome: ReplayItem["outcome"], detail: string | null): ReplayItem {
  const { dead_letter_id, saga_id } = record;
  return { dead_letter_id, saga_id, type: typeOf(record), outcome, detail };
}
