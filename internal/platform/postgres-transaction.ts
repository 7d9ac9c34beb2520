// Transactions with as few round trips as possible: `begin` is sent with the first statements and `commit` with the last. A batch
// of the message processor is load, decide, save, and every round trip adds its latency to the whole pipeline. Called through
// `Database.transaction` (messaging/database.ts). A server error, a lost connection or a refused commit ends in one thrown error
// and a connection that is either clean or closed.
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
import type { TransactionLoad } from "./pool-metrics.ts";
import { type DriverOptions, TransactionConnection } from "./transaction-connection.ts";

/** Share of the lock timeout after which the blocker is looked up. */
const LOOK_AFTER = 0.5;
/** How long a transaction waits after its lock timeout for the blocker's description. */
const LOOK_PATIENCE_MS = 200;
const UNSEEN = "a lock with an unknown holder";

export interface TransactionOptions {
  readonly url: string;
  readonly driver: DriverOptions;
  /** Maximum concurrent transactions, each on its own connection. Other callers queue. */
  readonly maxConcurrent: number;
  /** A longer round trip means a hung server or network. Above the server's statement timeout. */
  readonly roundTripTimeoutMs: number;
  /** The server's `lock_timeout`. */
  readonly lockTimeoutMs: number;
  /** Hears of each error that ends a transaction. */
  readonly onError: (error: unknown) => void;
  /** Describes the blocker of this backend pid. Uses another connection than the waiting one. Never rejects. */
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
   * Runs `work` in one transaction (read committed) and returns its result once `commit` is durable. If `work` throws, or ends
   * without `finish`, the transaction is rolled back and this throws. Database errors are thrown as AppError
   * DATABASE_UNAVAILABLE, DATABASE_CONFLICT, DATABASE_LOCKED (it names the blocker) or DATABASE_REFUSED. A connection lost during
   * the commit is also DATABASE_UNAVAILABLE, although the commit may have happened: the caller's inbox or unique key must absorb a
   * repetition.
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
      this.#options.onError(error);
      throw asDatabaseError(error, "transaction", this.#options.url);
    } finally {
      this.#leave();
    }
  }

  /** How many run and wait just now; for metrics. */
  get load(): TransactionLoad {
    return { running: this.#running, waiting: this.#queue.length, limit: this.#options.maxConcurrent };
  }

  /** Refuses new transactions, waits for running and queued ones, then closes the connections. */
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

  /** Gives its slot to the first in the queue, so that no later caller overtakes it. */
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
  const transaction = new ConnectionTransaction(connection, options);
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

class ConnectionTransaction implements Transaction {
  readonly tx: ReservedSql;
  readonly appended = null;
  readonly #connection: TransactionConnection;
  readonly #options: TransactionOptions;
  /** Sent but not awaited: its result arrives with the first group. */
  readonly #begin: Promise<{ readonly state: { readonly pid: number } }>;
  #isFinishing = false;
  isCommitted = false;

  constructor(connection: TransactionConnection, options: TransactionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.tx = connection.tx;
    this.#begin = this.tx`begin isolation level read committed read write`.execute();
    // Handled with the first group. Without this, a connection lost before it would be an unhandled rejection.
    this.#begin.catch(() => undefined);
  }

  // Bound to the instance, because callers destructure: `async ({ tx, send, finish }) => ...`.
  readonly send = async <const Results extends readonly unknown[]>(statements: {
    readonly [K in keyof Results]: PromiseLike<Results[K]>;
  }): Promise<Results> => {
    assert(!this.#isFinishing, "a transaction was used after finish()");
    const [, ...results] = await this.#roundTrip([
      this.#begin,
      ...(statements as readonly PromiseLike<unknown>[]),
    ]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler cannot follow a tuple through allSettled
    return results as unknown as Results;
  };

  readonly finish = async (statements: readonly PromiseLike<unknown>[]): Promise<void> => {
    assert(!this.#isFinishing, "a transaction was finished twice");
    this.#isFinishing = true;
    const commit = this.tx`commit`;
    await this.#roundTrip([this.#begin, ...statements, commit]);
    // The server answers COMMIT in a failed transaction with ROLLBACK and no error. This happens if `work` swallows an error.
    const { command } = await commit;
    if (command !== "COMMIT") {
      throw new AppError(
        "DATABASE_REFUSED",
        `the server answered commit with ${command}: an earlier statement failed`,
      );
    }
    this.isCommitted = true;
  };

  /** Ends the transaction, or closes the connection. Never throws: the caller has a better error. */
  async rollback(): Promise<void> {
    if (this.isCommitted || !this.#connection.isOpen) return;
    try {
      // Also after a failed commit. There it does nothing: the server only warns that there is no transaction.
      await this.#connection.within(this.#options.roundTripTimeoutMs, this.tx`rollback`.execute());
    } catch (error) {
      this.#connection.discard(
        new AppError("DATABASE_UNAVAILABLE", "a transaction could not be rolled back", { cause: error }),
      );
    }
  }

  /**
   * Sends the statements in order, without waiting in between, and returns all results. On failure it still waits for every
   * result, so that no statement is in flight when the caller continues. It throws the first error; later statements only report
   * that the transaction is aborted.
   */
  async #roundTrip(statements: readonly PromiseLike<unknown>[]): Promise<readonly unknown[]> {
    // A store's `load()` runs already, and fails when the connection is closed: so does this, which then waits for none of them.
    for (const statement of statements) if (!isUnsentStatement(statement)) statement.then(undefined, ignore);
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

  /** Looks up the blocker while this transaction still waits: later it cannot be found. Costs nothing until the timer fires. */
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

function ignore(): void {}

/** A driver's statement is sent when its result is awaited; a store's `load()` is already a plain promise. */
function isUnsentStatement(statement: PromiseLike<unknown>): statement is PendingQuery<Row[]> {
  return "execute" in statement && typeof statement.execute === "function";
}
