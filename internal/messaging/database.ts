// The database as the message processor and the stores see it: one transaction, sent in as few round trips as the work allows.
// internal/platform/postgres opens it; everything below cmd/ gets it handed in.
import type { ReservedSql, Sql } from "postgres";

/** A connection inside a transaction. Stores build their statements on it; they never see the pool. */
export type Tx = ReservedSql;

/**
 * One transaction on one reserved connection. Statements given to `send` or `finish` together travel together: `begin`
 * goes with the first group and `commit` with the last, so load-decide-save costs two round trips however large it is.
 */
export interface Transaction {
  readonly tx: Tx;
  /** Sends the statements in one go and returns their results in order. Throws the first real error. */
  readonly send: <const Results extends readonly unknown[]>(statements: {
    readonly [K in keyof Results]: PromiseLike<Results[K]>;
  }) => Promise<Results>;
  /**
   * Sends the last statements and `commit` in one go. After it the transaction is durable or has thrown. They must be the
   * driver's own statements, unsent: an async function sends its own a moment later, which is after the `commit`.
   */
  readonly finish: (statements: readonly PromiseLike<unknown>[]) => Promise<void>;
  /** Where outbox.ts notes what this transaction appends, for who publishes it after the commit; null where the relay is to. */
  readonly appended: AppendedEvent[] | null;
}

/** An event of the outbox as Kafka gets it. */
export interface AppendedEvent {
  readonly event_id: string;
  /** A record as `BatchProducer.produce` takes it. */
  readonly record: string;
}

/**
 * What a failed transaction means. `unavailable`: the database is away, wait and do the same again. `conflict`: another
 * transaction was in the way (deadlock, serialization, a unique key both wanted), do the same again at once. `locked`: another
 * transaction keeps a row for longer than any of ours does; who waits for it again waits as long again, so go on without the
 * row. `other`: these statements will fail again.
 */
export type DatabaseFault = "unavailable" | "conflict" | "locked" | "other";

export interface Database {
  /** The pool, for reads and single statements outside a transaction. */
  readonly sql: Sql;
  /** Runs `work` in one transaction; rolls back when it throws. `work` must end with `finish`. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Calls `onNotify` at each NOTIFY on `channel`, and once after every reconnect. Resolves to the function that stops it. */
  listen(channel: string, onNotify: () => void): Promise<() => Promise<void>>;
  faultOf(error: unknown): DatabaseFault;
}
