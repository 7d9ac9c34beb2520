// Transactions in as few round trips as the work allows: `begin` travels with the first statements and `commit` with the
// last, because a batch of the message processor is load, decide, save, and each round trip costs the whole pipeline its latency.
// Called through `Database.transaction` (messaging/database.ts); a server error in mid-flight, a lost connection and a
// refused commit all end in one thrown error and a connection that is either clean or gone.
import type { PendingQuery, ReservedSql, Row } from "postgres";
import { AppError, AssertionError, assert } from "../kernel/errors.ts";
import type { Transaction } from "../messaging/database.ts";
import { pause } from "../messaging/pause.ts";
import {
  asDatabaseError,
  isLockTimeout,
  isTransactionAborted,
  needsAnotherConnection,
} from "./postgres-errors.ts";
import { type DriverOptions, TransactionConnection } from "./transaction-connection.ts";

/** Part of the lock timeout that has passed when somebody looks who is in the way. */
const LOOK_AFTER = 0.5;
/** How much longer a transaction that has given way waits to hear who it was. */
const LOOK_PATIENCE_MS = 200;
const UNSEEN = "a lock; who holds it was not seen";

export interface TransactionOptions {
  readonly url: string;
  readonly driver: DriverOptions;
  /** Transactions at once, each on its own connection. Further callers wait in line. */
  readonly maxConcurrent: number;
  /** A round trip that takes longer means a hung server or network; above the server's own statement timeout. */
  readonly roundTripTimeoutMs: number;
  /** The server's `lock_timeout`. */
  readonly lockTimeoutMs: number;
  /** Who keeps the backend of this pid waiting, in words; on another connection than the one that waits. Never rejects. */
  readonly whoBlocks: (pid: number) => Promise<string>;
}

/** Runs transactions on at most `maxConcurrent` connections, opened when first needed and kept. */
export class Transactions implements AsyncDisposable {
  readonly #options: TransactionOptions;
  readonly #idle: TransactionConnection[] = [];
  readonly #queue: (() => void)[] = [];
  #running = 0;
  #isClosed = false;
  #onLastEnded: (() => void) | undefined;

  constructor(options: TransactionOptions) {
    assert(options.maxConcurrent >= 1, "at least one transaction must be able to run");
    this.#options = options;
  }

  /**
   * Runs `work` in one transaction (read committed) and returns its result once `commit` is durable. When `work` throws, or
   * ends without `finish`, the transaction is rolled back and this throws; errors of the database come as AppError
   * DATABASE_UNAVAILABLE, DATABASE_CONFLICT, DATABASE_LOCKED (it names who is in the way) or DATABASE_REFUSED. A connection lost while the commit was out is
   * DATABASE_UNAVAILABLE too, though the commit may have happened: the caller's inbox or unique key must absorb a repetition.
   */
  async run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      const connection = await this.#takeConnection();
      try {
        return await runOnConnection(connection, work, this.#options);
      } finally {
        if (connection.isOpen) this.#idle.push(connection);
      }
    } catch (error) {
      throw asDatabaseError(error, "transaction");
    } finally {
      this.#leave();
    }
  }

  /** Refuses new transactions, waits for those that run or wait in line, closes the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#onLastEnded = resolve));
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }

  async #enter(): Promise<void> {
    if (this.#isClosed) throw new AppError("DATABASE_UNAVAILABLE", "the database was closed by this process");
    if (this.#running < this.#options.maxConcurrent) {
      this.#running += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  /** Hands its place to the first in line, so that nobody who came later slips in between. */
  #leave(): void {
    const next = this.#queue.shift();
    if (next !== undefined) return next();
    this.#running -= 1;
    if (this.#running === 0) this.#onLastEnded?.();
  }

  async #takeConnection(): Promise<TransactionConnection> {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.isOpen) return connection;
    }
    return TransactionConnection.open(this.#options.url, this.#options.driver);
  }
}

async function runOnConnection<T>(
  connection: TransactionConnection,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const transaction = new LaneTransaction(connection, options);
  try {
    const result = await connection.orClosed(work(transaction));
    if (!transaction.isCommitted) throw new AssertionError("a transaction's work must end with finish()");
    return result;
  } catch (error) {
    if (needsAnotherConnection(error)) connection.discard(asConnectionLost(error));
    else await transaction.rollback();
    throw error;
  }
}

function asConnectionLost(cause: unknown): AppError {
  return new AppError("DATABASE_UNAVAILABLE", "the connection was dropped: it cannot write", { cause });
}

class LaneTransaction implements Transaction {
  readonly tx: ReservedSql;
  readonly appended = null;
  readonly #connection: TransactionConnection;
  readonly #options: TransactionOptions;
  /** Sent but not waited for: its answer arrives with that of the first group. */
  readonly #begin: Promise<{ readonly state: { readonly pid: number } }>;
  #isFinishing = false;
  isCommitted = false;

  constructor(connection: TransactionConnection, options: TransactionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.tx = connection.tx;
    this.#begin = this.tx`begin isolation level read committed read write`.execute();
    // Judged with the first group; without this a connection lost before that would count as an unhandled rejection.
    this.#begin.catch(() => undefined);
  }

  // Bound to the instance, because callers take the two apart: `async ({ tx, send, finish }) => ...`.
  readonly send = async <const Results extends readonly unknown[]>(statements: {
    readonly [K in keyof Results]: PromiseLike<Results[K]>;
  }): Promise<Results> => {
    assert(!this.#isFinishing, "a transaction is used after finish()");
    const [, ...results] = await this.#roundTrip([
      this.#begin,
      ...(statements as readonly PromiseLike<unknown>[]),
    ]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler cannot follow a tuple through allSettled
    return results as unknown as Results;
  };

  readonly finish = async (statements: readonly PromiseLike<unknown>[]): Promise<void> => {
    assert(!this.#isFinishing, "a transaction is finished twice");
    this.#isFinishing = true;
    const commit = this.tx`commit`;
    await this.#roundTrip([this.#begin, ...statements, commit]);
    // The server answers COMMIT in a failed transaction with ROLLBACK and no error; reached when `work` swallowed a failure.
    const { command } = await commit;
    if (command !== "COMMIT") {
      throw new AppError(
        "DATABASE_REFUSED",
        `commit was answered by ${command}: an earlier statement had failed`,
      );
    }
    this.isCommitted = true;
  };

  /** Leaves the connection outside any transaction, or closes it. Never throws: the caller has a better error to tell. */
  async rollback(): Promise<void> {
    if (this.isCommitted || !this.#connection.isOpen) return;
    try {
      // Also after a failed commit, where it does nothing: the server only warns that there is no transaction.
      await this.#connection.within(this.#options.roundTripTimeoutMs, this.tx`rollback`.execute());
    } catch (error) {
      this.#connection.discard(
        new AppError("DATABASE_UNAVAILABLE", "a transaction could not be rolled back", { cause: error }),
      );
    }
  }

  /**
   * Sends the statements in their order, without waiting in between, and returns all results. On failure it still waits for
   * every answer, so that nothing is in flight when the caller goes on, and throws the error that came first; the statements
   * after it only say that the transaction is aborted.
   */
  async #roundTrip(statements: readonly PromiseLike<unknown>[]): Promise<readonly unknown[]> {
    this.#connection.assertOpen();
    for (const statement of statements) {
      if (isUnsentStatement(statement)) void statement.execute();
    }
    const begun = performance.now();
    const blockers = this.#watchBlockers();
    try {
      const { roundTripTimeoutMs } = this.#options;
      const settled = await this.#connection.within(roundTripTimeoutMs, Promise.allSettled(statements));
      const failures = settled.flatMap((result): unknown[] =>
        result.status === "rejected" ? [result.reason] : [],
      );
      if (failures.length > 0) {
        const first = failures.find((error) => !isTransactionAborted(error)) ?? failures[0];
        throw isLockTimeout(first)
          ? await this.#locked(first, performance.now() - begun, blockers.seen())
          : first;
      }
      return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    } finally {
      blockers.stop();
    }
  }

  /** Looks who is in the way while this transaction still waits: afterwards nobody can tell. Costs nothing before that. */
  #watchBlockers() {
    let looking: Promise<string> | undefined;
    const look = async () => this.#options.whoBlocks((await this.#begin).state.pid);
    const timer = setTimeout(() => {
      looking = look();
      looking.catch(() => undefined);
    }, this.#options.lockTimeoutMs * LOOK_AFTER);
    return { seen: () => looking, stop: () => clearTimeout(timer) };
  }

  async #locked(cause: unknown, waitedMs: number, looking: Promise<string> | undefined): Promise<AppError> {
    const tooLate = pause(LOOK_PATIENCE_MS).then(() => UNSEEN);
    const who = await Promise.race([looking ?? UNSEEN, tooLate]);
    return new AppError("DATABASE_LOCKED", `waited ${Math.round(waitedMs)} ms for ${who}`, { cause });
  }
}

/** A statement of the driver waits until someone asks for its result; a store's `load()` is already a plain promise. */
function isUnsentStatement(statement: PromiseLike<unknown>): statement is PendingQuery<Row[]> {
  return "execute" in statement && typeof statement.execute === "function";
}
