// One database connection for transactions, closed at the first sign of a fault. The driver's own reserved connections are not
// safe for pipelining when the connection breaks (postgres 3.4.9, src/index.js): a statement queued behind one that is being
// prepared never settles; a handle used after its connection closed throws outside any promise; and the closed connection may be
// reopened for another user of the pool, so that the stale handle writes into that user's transaction. Here each connection has
// its own driver instance, shared with no other, and watches for its end. Called by postgres-transaction.ts.
import { untilEnded } from "./pending-socket.ts";
import { standbyRefused } from "./postgres-standby.ts";
import postgres, { type Options, type PostgresType, type ReservedSql } from "postgres";
import { AppError, assert } from "../kernel/errors.ts";

export type DriverOptions = Options<Record<string, PostgresType>>;

const CLOSE_TIMEOUT_SECONDS = 1;
/** For each step of opening; longer than the timeouts of connecting and of a statement. A step that never settles would block the role. */
const OPEN_TIMEOUT_MS = 30_000;

export class TransactionConnection {
  #driver: postgres.Sql | undefined;
  #reserved: ReservedSql | undefined;
  #closedBecause: Error | undefined;
  /** Reject functions of everything that waits on this connection. */
  readonly #waiting = new Set<(reason: Error) => void>();

  /** Connects. Throws the driver's error and leaves nothing open. */
  static async open(url: string, options: DriverOptions): Promise<TransactionConnection> {
    const connection = new TransactionConnection();
    const driver = postgres(url, {
      ...untilEnded(options, () => !connection.isOpen),
      max: 1,
      // 0 means never. Otherwise the driver could end a reserved connection in the middle of its work.
      idle_timeout: 0,
      max_lifetime: 0,
      // No write may happen on this connection outside an explicit `begin read write`: not by a statement that outlives its
      // transaction, and not by one that the driver repeats by itself after `commit` (it does so when a table has changed).
      connection: { ...options.connection, default_transaction_read_only: true },
      onclose: () =>
        connection.discard(new AppError("DATABASE_UNAVAILABLE", "the connection to the database was lost")),
    });
    connection.#driver = driver;
    try {
      // On a new connection without a list of types (postgres-types.ts) the driver's `reserve` never settles (postgres 3.4.9), so a statement
      // opens it.
      await connection.within(OPEN_TIMEOUT_MS, driver`select`);
      const reserved = await connection.within(OPEN_TIMEOUT_MS, driver.reserve());
      connection.#reserved = connection.#refusingWhenClosed(reserved);
    } catch (error) {
      // Not awaited: nothing is in flight that matters, and a broken connection may take its time.
      void driver.end({ timeout: 0 });
      throw standbyRefused(driver) ?? error;
    }
    return connection;
  }

  /** Builds statements, which are sent when awaited. Throws once the connection is closed. */
  get tx(): ReservedSql {
    assert(this.#reserved !== undefined, "the connection was used before it was open");
    return this.#reserved;
  }

  get isOpen(): boolean {
    return this.#closedBecause === undefined;
  }

  assertOpen(): void {
    if (this.#closedBecause !== undefined) throw this.#closedBecause;
  }

  /** Settles like `work`, or rejects as soon as the connection closes: the driver may leave `work` pending forever. */
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

  /** Like `orClosed`, with a timeout. After it, the server or the network hangs, and the connection is dropped. */
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

  /** Ends the connection cleanly. Nothing may be in flight. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.#refuseFurtherUse(
      new AppError("DATABASE_UNAVAILABLE", "the database connection was closed by this process"),
    );
    this.#reserved?.release();
    await this.#driver?.end({ timeout: CLOSE_TIMEOUT_SECONDS });
  }

  /** Drops the connection at once, even with work in flight. The server rolls back when it notices. */
  discard(reason: Error): void {
    if (!this.isOpen) return;
    this.#refuseFurtherUse(reason);
    // Rejects the driver's queue and keeps it from reconnecting.
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
