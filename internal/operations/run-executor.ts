// Executes runs, one batch per call: the canary alone, then growing batches at the run's rate. checkoutctl hosts it in the foreground for
// one run, a console as a background loop for all. A lease in the database lets one executor at a time work on a run; when it
// dies, the next one settles what was in flight and continues, and no item is sent twice.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { assertNever, describeError } from "../kernel/errors.ts";
import type { RunResult } from "../kernel/ports.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import { findDeadLetters } from "./dead-letters.ts";
import type { BulkContext } from "./bulk-context.ts";
import { within } from "./ask.ts";
import { PlanRefused } from "./plan.ts";
import { reasonNow } from "./plan-audit.ts";
import { MAX_BATCH, MAX_REPUBLISH_BATCH, nextBatch, upToPause } from "./ramp.ts";
import type { MailWatch } from "./replay-send.ts";
import { discardBatch } from "./run-discard.ts";
import { recordEnd } from "./run-end.ts";
import { replayBatch } from "./run-replay.ts";
import { republishBatch } from "./run-republish.ts";
import {
  type BatchOutcome,
  haltRun,
  isFinished,
  itemsInFlight,
  lastResume,
  type LeasedRun,
  lockRun,
  nextItems,
  postponeRun,
  releaseRuns,
  renewLease,
  type RunItem,
  saveBatch,
  takeRun,
} from "./run-store.ts";
import { afterBatch, endOf, whyOf } from "./run-verdict.ts";

const LEASE_MS = 15_000;
const RENEWALS_PER_LEASE = 3;
/** Of a process that stops: a lease that it cannot give back ends by itself. */
const RELEASE_TIMEOUT_MS = 2_000;
/** How long a run that waits for the relay, or whose server does not answer, lets other runs go first. */
const BLOCKED_MS = 1_000;
const FAILED_MS = 5_000;
/** Dead letters that are read from the topic at once, and kept in memory. */
const MAX_RECORDS = 1_000;
/** Runs whose dead letters are kept in memory: with each batch of another one, the whole topic is read again. */
const MAX_CACHED_RUNS = 4;
/** Runs of which it is remembered why they act: the trail has no index on runs, and runs take turns. */
const MAX_REASONS = 100;
const NOTHING: BatchOutcome = { acted: 0, failed: 0, save: () => Promise.resolve() };

export interface RunExecutorOptions extends BulkContext {
  readonly mails: MailWatch;
  /** The name of this process, in no other process: host, pid and something random. */
  readonly executor: string;
  /** Executes only this run; null for all. */
  readonly planId: string | null;
  /** How long a run waits for an executor that died. */
  readonly leaseMs?: number;
  /** Ends the batch in flight early: what is sent by then is watched by the next executor. */
  readonly signal?: AbortSignal;
  /** Called while an outbox can be published again only when the relay has sent more of what waits there. */
  readonly onRelayBehind?: ((database: string) => void) | undefined;
}

/** What was read from the topic, and the ids that were looked for. */
interface ReadRecords {
  readonly ids: ReadonlySet<string>;
  readonly records: ReadonlyMap<string, DeadLetter>;
}

export class RunExecutor implements AsyncDisposable {
  readonly #options: RunExecutorOptions;
  readonly #leaseMs: number;
  #hasHadRuns = false;
  readonly #signal: AbortSignal;
  /** The run of the last batch, whose lease this executor still has. */
  #last: string | null = null;
  /** By run. */
  readonly #read = new RecentlyUsed<string, ReadRecords>(MAX_CACHED_RUNS);
  /** Why each resumed run acts. */
  readonly #reasons = new RecentlyUsed<string, Pick<LeasedRun, "generation"> & { readonly now: string }>(
    MAX_REASONS,
  );

  constructor(options: RunExecutorOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  /**
   * Does one batch of the run that is due first. `processed`: its items. `hasMore`: call again at once; otherwise some hundred ms later.
   * `isBlocked`: a run waits for its rate, or for something else. Throws AppError if a server does not answer; the next call goes on with
   * another run, if there is one. A run that cannot be executed at all is paused.
   */
  async runOnce(): Promise<RunResult> {
    const { saga, executor, planId } = this.#options;
    if (this.#signal.aborted) return { processed: 0, hasMore: false };
    const taken = await takeRun(saga, { executor, leaseMs: this.#leaseMs, planId });
    if (taken === undefined) return { processed: 0, hasMore: false };
    this.#hasHadRuns = true;
    await this.#letGoOfLast(taken.plan_id);
    const left = await itemsInFlight(saga, taken.plan_id);
    if (left.length === 0 && taken.state !== "running") {
      this.#read.delete(taken.plan_id);
      await releaseRuns(saga, executor, taken.plan_id);
      return { processed: 0, hasMore: true };
    }
    if (taken.due_in_ms > 0) return { processed: 0, hasMore: false, isBlocked: true };
    const run = { ...taken, reason: await this.#reasonOf(taken) };
    using _ = this.#keepLease(run.plan_id);
    try {
      return await this.#batch(run, left);
    } catch (error) {
      await this.#setAside(run, error);
      throw error;
    }
  }

  /**
   * Lets another executor continue at once. Call it when `runOnce` has settled. Never rejects: without the database its runs wait for the
   * end of their lease.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasHadRuns) return;
    const { saga, executor } = this.#options;
    await within(RELEASE_TIMEOUT_MS, () => releaseRuns(saga, executor)).catch(() => undefined);
  }

  /** It changes with a resume, which raises the generation, and is not looked up for each batch. */
  async #reasonOf({ plan_id, generation, reason }: LeasedRun): Promise<string> {
    if (generation === 0) return reason;
    const known = this.#reasons.get(plan_id);
    if (known?.generation === generation) return known.now;
    const now = reasonNow(reason, await lastResume(this.#options.saga, plan_id));
    this.#reasons.set(plan_id, { generation, now });
    return now;
  }

  /** The batch that follows may wait for long. Only its own run waits with it: another executor may take the one before. */
  async #letGoOfLast(planId: string): Promise<void> {
    const last = this.#last;
    this.#last = planId;
    if (last !== null && last !== planId) await releaseRuns(this.#options.saga, this.#options.executor, last);
  }

  async #batch(run: LeasedRun, left: readonly RunItem[]): Promise<RunResult> {
    const { saga, executor } = this.#options;
    const isRepublish = run.kind === "outbox.republish";
    const max = isRepublish ? MAX_REPUBLISH_BATCH : MAX_BATCH;
    const ramped = nextBatch(run.batch_size, run.rate_per_second, max);
    const size = upToPause(ramped, run.pause_after, run.tested_count);
    const items = left.length > 0 ? left : await nextItems(saga, run.plan_id, isRepublish ? 1 : size);
    const begun = performance.now();
    const outcome = await this.#execute(run, items, size);
    if (outcome === "waits for the relay") {
      this.#options.onRelayBehind?.(items[0]?.subject ?? "");
      await postponeRun(saga, { executor, planId: run.plan_id, ms: BLOCKED_MS });
      return { processed: 0, hasMore: false, isBlocked: true };
    }
    if (outcome !== null) await this.#save(run, outcome, { size, tookMs: performance.now() - begun });
    return { processed: items.length, hasMore: true };
  }

  /** One run that fails must not hold up all others. If the saga database is away, there is nothing to write, and none goes on. */
  async #setAside(run: LeasedRun, error: unknown): Promise<void> {
    const { saga, executor } = this.#options;
    const isHopeless = error instanceof PlanRefused;
    const done = isHopeless
      ? this.#halt(run, describeError(error))
      : postponeRun(saga, { executor, planId: run.plan_id, ms: FAILED_MS });
    await done.catch(() => undefined);
  }

  async #halt(run: LeasedRun, why: string): Promise<void> {
    const { saga, executor } = this.#options;
    await saga.begin(async (tx) => {
      if (await haltRun(tx, { executor, planId: run.plan_id, why }))
        await recordEnd(this.#options, tx, run, { end: "halted", why });
    });
  }

  async #execute(
    run: LeasedRun,
    items: readonly RunItem[],
    size: number,
  ): Promise<BatchOutcome | "waits for the relay" | null> {
    const [first] = items;
    if (first === undefined) return NOTHING;
    const batch = { ...this.#options, signal: this.#signal, run, items };
    switch (run.kind) {
      case "dead-letter.discard": {
        const acted = await discardBatch(batch);
        return acted === null ? null : { ...NOTHING, acted };
      }
      case "dead-letter.replay":
        return replayBatch({ ...batch, records: await this.#recordsOf(run.plan_id, items) });
      case "outbox.republish":
        return republishBatch({ ...batch, item: first, size });
      default:
        return assertNever(run.kind);
    }
  }

  /** If another executor has taken over meanwhile, it settles the items. */
  async #save(
    run: LeasedRun,
    { acted, failed, save }: BatchOutcome,
    { size, tookMs }: { readonly size: number; readonly tookMs: number },
  ): Promise<void> {
    const { saga, executor } = this.#options;
    const goesOn = await saga.begin(async (tx) => {
      const now = await lockRun(tx, run.plan_id, executor);
      if (now === undefined) return false;
      await save(tx);
      const isLast = await isFinished(tx, run.plan_id);
      const after = afterBatch(run, now, { acted, failed, tookMs, size, isLast });
      await saveBatch(tx, run.plan_id, after);
      const end = endOf(now, after);
      if (end !== null) await recordEnd(this.#options, tx, run, { end, why: whyOf(run, end, after) });
      return after.state === "running";
    });
    // Nobody may ask for them for days.
    if (!goesOn) this.#read.delete(run.plan_id);
  }

  /** The topic has no index, so the records of many coming items are read at once. */
  async #recordsOf(planId: string, items: readonly RunItem[]): Promise<ReadonlyMap<string, DeadLetter>> {
    const { saga, readDeadLetters } = this.#options;
    const known = this.#read.get(planId);
    if (known !== undefined && items.every(({ subject }) => known.ids.has(subject))) return known.records;
    const coming = await nextItems(saga, planId, MAX_RECORDS);
    const ids = new Set([...items, ...coming].map(({ subject }) => subject));
    const found = await findDeadLetters(readDeadLetters(), [...ids]);
    const records = new Map(found.map((record) => [record.dead_letter_id, record]));
    this.#read.set(planId, { ids, records });
    return records;
  }

  /** Renews the lease until it is disposed of. A failure shows when the batch is saved. */
  #keepLease(planId: string): Disposable {
    const { saga, executor } = this.#options;
    const timer = setInterval(() => {
      renewLease(saga, { executor, leaseMs: this.#leaseMs, planId }).catch(() => undefined);
    }, this.#leaseMs / RENEWALS_PER_LEASE);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }
}
