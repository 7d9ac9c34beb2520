// Executes runs, one batch per call: the canary alone, then growing batches at the run's rate. checkoutctl hosts it in the foreground for
// one run, a console as a background loop for all. A lease in the database lets one executor at a time work on a run; when it
// dies, the next one settles what was in flight and continues, and no item is sent twice.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { assertNever } from "../kernel/errors.ts";
import type { RunResult } from "../kernel/ports.ts";
import { findDeadLetters } from "./dead-letters.ts";
import type { BulkContext } from "./bulk-context.ts";
import { within } from "./ask.ts";
import { MAX_BATCH, MAX_REPUBLISH_BATCH, nextBatch } from "./ramp.ts";
import type { MailWatch } from "./replay-send.ts";
import { discardBatch } from "./run-discard.ts";
import { replayBatch } from "./run-replay.ts";
import { republishBatch } from "./run-republish.ts";
import {
  type BatchOutcome,
  isFinished,
  itemsInFlight,
  type LeasedRun,
  lockRun,
  nextItems,
  releaseRuns,
  renewLease,
  type RunItem,
  saveBatch,
  takeRun,
} from "./run-store.ts";
import { afterBatch } from "./run-verdict.ts";

const LEASE_MS = 15_000;
const RENEWALS_PER_LEASE = 3;
/** Of a process that stops: a lease that it cannot give back ends by itself. */
const RELEASE_TIMEOUT_MS = 2_000;
/** Dead letters that are read from the topic at once, and kept in memory. */
const MAX_RECORDS = 1_000;
const NOTHING: BatchOutcome = { acted: 0, failed: 0, save: () => Promise.resolve() };

export interface RunExecutorOptions extends BulkContext {
  readonly mails: MailWatch;
  /** The name of this process, in no other process: host, pid and something random. */
  readonly executor: string;
  /** Executes only this run; null for all. */
  readonly planId: string | null;
  /** How long a run waits for an executor that died. */
  readonly leaseMs?: number;
}

export class RunExecutor implements AsyncDisposable {
  readonly #options: RunExecutorOptions;
  readonly #leaseMs: number;
  #hasHadRuns = false;
  /** What was read from the topic last, and the ids that were looked for. */
  #read: { readonly ids: ReadonlySet<string>; readonly records: ReadonlyMap<string, DeadLetter> } | undefined;

  constructor(options: RunExecutorOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /**
   * Does one batch of the run that is due first. `processed`: its items. `hasMore`: call again at once; otherwise some hundred ms later.
   * `isBlocked`: a run waits for its rate. Throws AppError if a server does not answer; the next call continues.
   */
  async runOnce(): Promise<RunResult> {
    const { saga, executor, planId } = this.#options;
    const run = await takeRun(saga, { executor, leaseMs: this.#leaseMs, planId });
    if (run === undefined) return { processed: 0, hasMore: false };
    this.#hasHadRuns = true;
    const left = await itemsInFlight(saga, run.plan_id);
    if (left.length === 0 && run.state !== "running") {
      await releaseRuns(saga, executor, run.plan_id);
      return { processed: 0, hasMore: true };
    }
    if (left.length === 0 && run.due_in_ms > 0) return { processed: 0, hasMore: false, isBlocked: true };
    using _ = this.#keepLease(run.plan_id);
    const isRepublish = run.kind === "outbox.republish";
    const size = nextBatch(
      run.batch_size,
      run.rate_per_second,
      isRepublish ? MAX_REPUBLISH_BATCH : MAX_BATCH,
    );
    const items = left.length > 0 ? left : await nextItems(saga, run.plan_id, isRepublish ? 1 : size);
    const begun = performance.now();
    const outcome = await this.#execute(run, items, size);
    if (outcome === "waits for the relay") return { processed: 0, hasMore: false, isBlocked: true };
    if (outcome !== null) await this.#save(run, outcome, { size, tookMs: performance.now() - begun });
    return { processed: items.length, hasMore: true };
  }

  /** Lets another executor continue at once. Call it when `runOnce` has settled. */
  /** Never rejects: without the database its runs wait for the end of their lease. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasHadRuns) return;
    const { saga, executor } = this.#options;
    await within(RELEASE_TIMEOUT_MS, () => releaseRuns(saga, executor)).catch(() => undefined);
  }

  async #execute(
    run: LeasedRun,
    items: readonly RunItem[],
    size: number,
  ): Promise<BatchOutcome | "waits for the relay" | null> {
    const { executor, ...context } = this.#options;
    const [first] = items;
    if (first === undefined) return NOTHING;
    const batch = { ...context, executor, run, items };
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
    await saga.begin(async (tx) => {
      const state = await lockRun(tx, run.plan_id, executor);
      if (state === undefined) return;
      await save(tx);
      const isLast = await isFinished(tx, run.plan_id);
      await saveBatch(tx, run.plan_id, afterBatch(run, state, { acted, failed, tookMs, size, isLast }));
    });
  }

  /** The topic has no index, so the records of many coming items are read at once. */
  async #recordsOf(planId: string, items: readonly RunItem[]): Promise<ReadonlyMap<string, DeadLetter>> {
    const { saga, readDeadLetters } = this.#options;
    const known = this.#read;
    if (known !== undefined && items.every(({ subject }) => known.ids.has(subject))) return known.records;
    const coming = await nextItems(saga, planId, MAX_RECORDS);
    const ids = new Set([...items, ...coming].map(({ subject }) => subject));
    const found = await findDeadLetters(readDeadLetters(), { ids: [...ids] });
    const records = new Map(found.records.map((record) => [record.dead_letter_id, record]));
    this.#read = { ids, records };
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
