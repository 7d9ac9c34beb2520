// The database as the message processor and the stores see it: one transaction in as few round trips as possible.
// internal/platform/postgres opens it; everything below cmd/ receives it.
import type { ReservedSql, Sql } from "postgres";

/** A connection inside a transaction. Stores build their statements on it and never see the pool. */
export type Tx = ReservedSql;

/**
 * One transaction on one reserved connection. Statements passed together to `send` or `finish` travel together: `begin` goes with
 * the first group and `commit` with the last. So load-decide-save costs two round trips at any size.
 */
export interface Transaction {
  readonly tx: Tx;
  /** Sends the statements together and returns their results in order. Throws the first real error. */
  readonly send: <const Results extends readonly unknown[]>(statements: {
    readonly [K in keyof Results]: PromiseLike<Results[K]>;
  }) => Promise<Results>;
  /**
   * Sends the last statements and `commit` together. Afterwards the transaction is durable, or this has thrown. Pass unsent
   * statements of the driver: an async function sends its own a moment later, after the `commit`.
   */
  readonly finish: (statements: readonly PromiseLike<unknown>[]) => Promise<void>;
  /**
   * Where outbox.ts records what this transaction appends, for the publisher to send after the commit; null when the relay
   * publishes it.
   */
  readonly appended: AppendedEvent[] | null;
}

/** An outbox event in the form that Kafka receives. */
export interface AppendedEvent {
  readonly event_id: string;
  /** A record in the format of `BatchProducer.produce`. */
  readonly record: string;
}

/**
 * What a failed transaction means. `unavailable`: the database does not answer; wait and retry. `conflict`: another transaction was
 * in the way (deadlock, serialization, a unique key both wanted); retry at once. `locked`: another transaction locks a row for
 * longer than ours ever do; waiting again takes as long, so continue without the row. `other`: these statements will fail again.
 */
export type DatabaseFault = "unavailable" | "conflict" | "locked" | "other";

export interface Database {
  /** The pool, for reads and single statements outside a transaction. */
  readonly sql: Sql;
  /** Runs `work` in one transaction; rolls back when it throws. `work` must end with `finish`. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /**
   * Calls `onNotify` for each NOTIFY on `channel`, and `onReconnect` (by default `onNotify`) once after every reconnect. Resolves to a
   * function that stops it.
   */
  listen(channel: string, onNotify: () => void, onReconnect?: () => void): Promise<() => Promise<void>>;
  faultOf(error: unknown): DatabaseFault;
}
