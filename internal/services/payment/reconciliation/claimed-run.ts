// A run of reconciliation, as the process that claimed it has it: a chain of steps, each one transaction that puts a new id into the run's row
// in the place of the last one. So a step fails when another process has taken over the run, and also when the database lacks the step before:
// a standby that was behind may answer in the place of its primary from one step to the next, without an error. What the run found
// may be gone then, so the run ends, and the next one compares the same part again. Called by reconciler.ts.
import { AppError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports.ts";
import type { Database, Transaction } from "../../../messaging/database.ts";
import { claimRun, ensureLedger, giveBackRun, renewRun } from "./run-store.ts";

/** The run of a dead process is taken over after this; longer than two provider calls and a transaction. */
const LEASE_MS = 60_000;

export interface RunContext {
  /** Name of the provider whose ledger is compared. */
  readonly provider: string;
  readonly database: Database;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
}

export class ClaimedRun {
  /** Epoch ms: every ledger entry before it has been compared. */
  readonly comparedUntil: number;
  readonly #context: RunContext;
  /** The id that the last step has written. */
  #id: string;
  /** The id of the step that runs. When it fails, its commit may still have happened. */
  #nextId: string;

  private constructor(context: RunContext, id: string, comparedUntil: number) {
    this.#context = context;
    this.#id = id;
    this.#nextId = id;
    this.comparedUntil = comparedUntil;
  }

  /** Claims the run that is due; undefined if none is due or another process has it. */
  static async claim(context: RunContext): Promise<ClaimedRun | undefined> {
    const { database, provider, clock, newId } = context;
    const [id, now] = [newId(), clock.now()];
    await ensureLedger(database.sql, provider, now);
    const comparedUntil = await claimRun(database.sql, provider, id, now, now + LEASE_MS);
    return comparedUntil === undefined ? undefined : new ClaimedRun(context, id, comparedUntil);
  }

  /**
   * Runs `work` as the next step, one at a time, and extends the lease. What `work` decides by, it reads in its transaction: what was read
   * before may be gone. Throws SERVICE_UNAVAILABLE if another process has taken over the run, or the database lacks the last step.
   */
  async step<T>(work: (transaction: Transaction, now: number) => Promise<T>): Promise<T> {
    const { database, clock, newId } = this.#context;
    this.#nextId = newId();
    const now = clock.now();
    const result = await database.transaction(async (transaction) => {
      const { tx, send } = transaction;
      const [{ count }] = await send([renewRun(tx, this.#id, this.#nextId, now + LEASE_MS)]);
      if (count === 0) {
        throw new AppError(
          "SERVICE_UNAVAILABLE",
          "another process has taken over the reconciliation, or the database lacks its last step (a standby that was behind): the next run compares the same part again",
        );
      }
      return work(transaction, now);
    });
    this.#id = this.#nextId;
    return result;
  }

  /** Releases the run without an end: another may begin at once. Does nothing if another process has taken it over. */
  async giveBack(): Promise<void> {
    const { database, clock } = this.#context;
    await giveBackRun(database.sql, [this.#id, this.#nextId], clock.now());
  }
}
