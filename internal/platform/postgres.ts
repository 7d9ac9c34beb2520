// The only place that opens Postgres. A role opens each database once, in its main.ts, and passes it on as `Database`.
//
// Types of results: bigint is a number (above 2^53 an error, never a rounded value), timestamptz is milliseconds since the epoch,
// numeric stays a string (cast sums: `sum(x)::bigint`), jsonb is parsed. Parameters for timestamptz may be milliseconds or a Date.
// JSON parameters: pass the value, `${tx.json(rows)}`. If the text already exists, write `${text}::text::jsonb`; a bare
// `${text}::jsonb` would be stringified a second time.
import postgres, { type Sql } from "postgres";
import { Denial } from "../messaging/access-denied.ts";
import type { Database, DatabaseFault, Transaction } from "../messaging/database.ts";
import { cappedBackoff, withJitter } from "../kernel/backoff.ts";
import { AppError, assert, describeError } from "../kernel/errors.ts";
import { whoBlocks } from "./postgres-blockers.ts";
import { databaseFault, isPermissionDenied, permissionHint } from "./postgres-errors.ts";
import type { DriverOptions } from "./transaction-connection.ts";
import type { TransactionLoad } from "./pool-metrics.ts";
import { firstUrlOf, hostsOf } from "./postgres-address.ts";
import { PostgresHosts } from "./postgres-hosts.ts";
import { Pool } from "./postgres-pool.ts";
import { poolerRefused, requireSettingsKept, requireStateReported } from "./postgres-pooler.ts";
import { PRIMARY_ONLY, standbyRefused } from "./postgres-standby.ts";
import { tlsOf } from "./postgres-tls.ts";
import { Transactions } from "./postgres-transaction.ts";
import { TYPES } from "./postgres-types.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/**
 * A statement that waits longer for a row fails with DATABASE_LOCKED. Above the time that the largest batches of two replicas wait
 * for each other on one SKU. A longer timeout would only delay others that do not need the row.
 */
const LOCK_TIMEOUT_MS = 500;
/** Frees the rows of a process that hangs between its two round trips. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** For a whole group of statements. Reached only if the server's own timeouts do not fire. */
const ROUND_TRIP_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_SECONDS = 15;
/** How long a refused right counts after the last refusal: longer than the longest pause before whoever was refused tries again. */
const DENIED_FOR_MS = 30_000;
/** Pauses between reconnects. The driver's own pause grows to 20 s, and is zero if a server accepts and closes a connection. */
const RECONNECT_FIRST_MS = 100;
const RECONNECT_CAP_MS = 1_000;

/**
 * A role's statements are planned once per connection, so that a batch or a key always uses an index. On a new database the
 * planner sees empty tables: it would choose a sequential scan, or a full index scan for a merge join, and the plan stays while
 * the table grows, until the next ANALYZE. Planning each time also fixes that, but costs 0.4 ms of CPU per order at 167 orders/s.
 * A bitmap scan reads all rows that a claim could take before the first one, and leaves the dead entries of the index as they are. As soon
 * as a table has grown without statistics, it looks cheaper than reading the index in its order.
 * Hash joins stay on: a nested loop of a batch with itself is quadratic. The test in internal/testkit/plans checks the plan of
 * each statement.
 */
const PLANNING = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_mergejoin: "off",
  enable_bitmapscan: "off",
  jit: "off",
};

/** Without JIT: where statistics are missing it compiles for 100 ms what runs for 10 (`bun run bench:search`). */
const FRESH_PLANNING = { plan_cache_mode: "force_custom_plan", jit: "off" };

export interface PostgresOptions {
  /** Several hosts: the primary among them is used; see postgres-hosts.ts. */
  readonly url: string;
  /** Maximum connections, half for transactions and half for single statements, opened when needed. At least 2. */
  readonly poolSize: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /**
   * `kept` (default) for a role, see PLANNING. `fresh` for an operator's tool: each statement is planned for its values and the
   * current table sizes, and may read whole tables.
   */
  readonly plans?: "kept" | "fresh";
  /** Receives the server's notices; dropped by default. For tests. */
  readonly onNotice?: (text: string) => void;
  /** For an operator's tool that mostly reads: statements outside a transaction may also use a standby. Default false. */
  readonly acceptsStandby?: boolean;
  /** Override the limits above, for tests and tools. Milliseconds. */
  readonly timeouts?: {
    readonly statementMs?: number;
    readonly lockMs?: number;
    readonly roundTripMs?: number;
    readonly connectMs?: number;
    /** How long `denied` keeps a refusal. */
    readonly deniedMs?: number;
    /** How long closing waits for what still runs. */
    readonly closeMs?: number;
  };
}

/** Connects lazily: opening never fails; `ready` and every use fail while the database is down. */
export function openPostgres(options: PostgresOptions): Postgres {
  return new Postgres(options);
}

export class Postgres implements Database, AsyncDisposable {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #driver: DriverOptions;
  readonly #transactions: Transactions;
  readonly #statementTimeoutMs: number;
  readonly #closeTimeoutMs: number;
  readonly #denial: Denial;
  readonly #listeners = new Set<Sql>();
  /** Undefined for a URL with one host. */
  readonly #hosts: PostgresHosts | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresOptions) {
    assert(options.poolSize >= 2, "a database pool needs at least 2 connections");
    const { url, ssl } = tlsOf(options.url);
    const hosts = hostsOf(url);
    this.#url = firstUrlOf(url);
    this.#statementTimeoutMs = options.timeouts?.statementMs ?? STATEMENT_TIMEOUT_MS;
    this.#closeTimeoutMs = options.timeouts?.closeMs ?? CLOSE_TIMEOUT_MS;
    const { applicationName, timeouts: { connectMs = CONNECT_TIMEOUT_MS } = {} } = options;
    this.#hosts =
      hosts.length > 1 ? new PostgresHosts({ url, hosts, ssl, applicationName, connectMs }) : undefined;
    this.#driver = { ...driverOptions(options), ssl };
    this.#denial = new Denial(options.timeouts?.deniedMs ?? DENIED_FOR_MS, () => performance.now());
    const onError = (error: unknown) => this.#noteDenied(error);
    const connections = Math.floor(options.poolSize / 2);
    this.#pool = new Pool(this.#url, {
      ...(options.acceptsStandby === true
        ? { ...this.#driver, ...this.#hosts?.driverOptions(true) }
        : this.#toPrimary()),
      max: options.poolSize - connections,
      onError,
    });
    this.#transactions = new Transactions({
      url: this.#url,
      driver: this.#toPrimary(),
      maxConcurrent: connections,
      roundTripTimeoutMs: options.timeouts?.roundTripMs ?? ROUND_TRIP_TIMEOUT_MS,
      lockTimeoutMs: options.timeouts?.lockMs ?? LOCK_TIMEOUT_MS,
      onError,
      whoBlocks: (pid) => whoBlocks(this.sql, pid),
    });
  }

  #toPrimary(): DriverOptions {
    return { ...this.#driver, ...PRIMARY_ONLY, ...this.#hosts?.driverOptions(false) };
  }

  get sql(): Sql {
    return this.#pool.sql;
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#transactions.run(work);
  }

  /** What this user may not do, if the server has refused something lately (42501): the right, user, database, way out. Null otherwise. */
  denied(): string | null {
    return this.#denial.reason;
  }

  #noteDenied(error: unknown): void {
    if (isPermissionDenied(error)) this.#denial.note(`${describeError(error)}: ${permissionHint(this.#url)}`);
  }

  get transactionLoad(): TransactionLoad {
    return this.#transactions.load;
  }

  /**
   * One connection per listener; the driver reconnects it. NOTIFYs sent in between are lost, so `onReconnect` is called.
   */
  async listen(
    channel: string,
    onNotify: () => void,
    onReconnect: () => void = onNotify,
  ): Promise<() => Promise<void>> {
    const client = postgres(this.#url, { ...this.#toPrimary(), max: 1 });
    let isFirst = true;
    this.#listeners.add(client);
    const stop = async () => {
      if (this.#listeners.delete(client)) await client.end({ timeout: 1 });
    };
    try {
      await client.listen(channel, onNotify, () => {
        if (!isFirst) onReconnect();
        isFirst = false;
      });
    } catch (error) {
      await stop();
      throw error;
    }
    return stop;
  }

  faultOf(error: unknown): DatabaseFault {
    return databaseFault(error);
  }

  /**
   * Throws if the database does not answer or is a standby, and CONFIG_INVALID if it is behind an unsuitable connection pooler or too old.
   * For /readyz and for waiting at start.
   */
  async ready(): Promise<void> {
    try {
      await requireSettingsKept(this.sql, this.#statementTimeoutMs);
      requireStateReported(this.sql);
    } catch (error) {
      // With several hosts it says of each what it is.
      if (error instanceof AppError) throw error;
      throw standbyRefused(this.sql) ?? poolerRefused(this.sql, error) ?? error;
    }
  }

  /** Waits for running work, up to a limit, then closes every connection. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([
      ...[...this.#listeners].map((client) => client.end({ timeout: 1 })),
      this.#transactions[Symbol.asyncDispose](),
      this.#pool.close(this.#closeTimeoutMs),
    ]);
    this.#hosts?.close();
  }
}

function driverOptions(options: PostgresOptions): DriverOptions {
  const { timeouts = {}, plans = "kept" } = options;
  return {
    connect_timeout: (timeouts.connectMs ?? CONNECT_TIMEOUT_MS) / 1_000,
    keep_alive: KEEP_ALIVE_SECONDS,
    backoff: (failures) =>
      withJitter(cappedBackoff(failures, RECONNECT_FIRST_MS, RECONNECT_CAP_MS), Math.random()) / 1_000,
    // The driver would print notices (a rollback without a transaction, `create table if not exists`), which are useless here.
    onnotice: ({ message }) => options.onNotice?.(message ?? ""),
    connection: {
      ...(plans === "kept" ? PLANNING : FRESH_PLANNING),
      application_name: options.applicationName,
      statement_timeout: timeouts.statementMs ?? STATEMENT_TIMEOUT_MS,
      lock_timeout: timeouts.lockMs ?? LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
    types: TYPES,
    fetch_types: false,
  };
}
