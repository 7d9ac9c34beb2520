// A connection is one database connection kept for transactions, and thrown away on the first doubt. It exists because the
// driver's own reserved connections are not safe to pipeline on when the connection breaks (postgres 3.4.9, src/index.js):
// a statement queued behind one that was being prepared is never settled; a handle used after its connection closed throws
// outside any promise; and the closed connection may be reopened for another user of the pool, whose transaction the stale
// handle would then write into. A connection owns a driver instance of one connection, so none of that can be shared, and watches
// for its end. Called by postgres-transaction.ts.
import { standbyRefused } from "./postgres-standby.ts";
import postgres, { type Options, type PostgresType, type ReservedSql } from "postgres";
import { AppError, assert } from "../kernel/errors.ts";

export type DriverOptions = Options<Record<string, PostgresType>>;

const CLOSE_TIMEOUT_SECONDS = 1;

export class TransactionConnection {
  #driver: postgres.Sql | undefined;
  #reserved: ReservedSql | undefined;
  #closedBecause: Error | undefined;
  /** Rejects what is waiting on this connection; one entry per wait in progress. */
  readonly #waiting = new Set<(reason: Error) => void>();

  /** Connects. Throws what the driver throws; nothing is left behind then. */
  static async open(url: string, options: DriverOptions): Promise<TransactionConnection> {
    const connection = new TransactionConnection();
    const driver = postgres(url, {
      ...options,
      max: 1,
      // 0 is never: the driver would end a reserved connection of its own accord, in the middle of its work.
      idle_timeout: 0,
      max_lifetime: 0,
      // Nothing may ever be written on this connection outside an explicit `begin read write`: not by a statement that
      // outlived its transaction, not by one that the driver repeats by itself after `commit` (its answer to a changed table).
      connection: { ...options.connection, default_transaction_read_only: true },
      onclose: () =>
        connection.discard(new AppError("DATABASE_UNAVAILABLE", "the connection to the database was lost")),
    });
    connection.#driver = driver;
    try {
      connection.#reserved = connection.#refusingWhenClosed(await driver.reserve());
    } catch (error) {
      await driver.end({ timeout: 0 });
      throw standbyRefused(driver) ?? error;
    }
    return connection;
  }

  /** Builds statements, which are sent when they are awaited. Throws once the connection is gone. */
  get tx(): ReservedSql {
    assert(this.#reserved !== undefined, "connection used before it was open");
    return this.#reserved;
  }

  get isOpen(): boolean {
    return this.#closedBecause === undefined;
  }

  assertOpen(): void {
    if (this.#closedBecause !== undefined) throw this.#closedBecause;
  }

  /** Settles as `work` does, or rejects as soon as the connection closes: the driver may leave `work` pending for ever. */
  async orClosed<T>(work: Promise<T>): Promise<T> {
    this.assertOpen();
    const closed = Promise.withResolvers<never>();
    this.#waiting.add(closed.reject);
    try {
      return await Promise.race([work, closed.promise]);
    } finally {
      this.#waiting.delete(closed.reject);
    }
  }

  /** As `orClosed`; and when neither happens in time, the server or the network hangs and the connection is dropped. */
  async within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.discard(
        new AppError("DATABASE_UNAVAILABLE", `the database did not answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
    try {
      return await this.orClosed(work);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection politely. Nothing may be in flight. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.#refuseFurtherUse(
      new AppError("DATABASE_UNAVAILABLE", "the database connection was closed by this process"),
    );
    this.#reserved?.release();
    await this.#driver?.end({ timeout: CLOSE_TIMEOUT_SECONDS });
  }

  /** Drops the connection at once, whatever is in flight; the server rolls back when it notices. */
  discard(reason: Error): void {
    if (!this.isOpen) return;
    this.#refuseFurtherUse(reason);
    // Refuses what is still queued in the driver and keeps it from connecting again.
    void this.#driver?.end({ timeout: 0 });
  }

  #refusingWhenClosed(reserved: ReservedSql): ReservedSql {
    return new Proxy(reserved, {
      apply: (target, self, args) => {
        this.assertOpen();
        return Reflect.apply(target, self, args) as unknown;
      },
    });
  }

  #refuseFurtherUse(reason: Error): void {
    this.#closedBecause = reason;
    for (const reject of this.#waiting) reject(reason);
  }
}
