// Keeps inbox and outbox small: creates the partitions of the coming days and drops the expired ones. That costs one drop table,
// where a delete would cost a row at a time. Run hourly by every role that has a database; replicas may overlap.
import { timestampOf } from "../kernel/timestamp.ts";
import type { Sql } from "postgres";
import { DEAD_LETTER_RETENTION_MS, TOPIC_RETENTION_MS } from "../../schemas/topics.ts";
import { AppError } from "../kernel/errors.ts";
import type { Clock, RunResult } from "../kernel/ports.ts";
import type { Database, Tx } from "./database.ts";
import type { Log } from "../kernel/telemetry.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/**
 * An inbox row must outlive every copy of its message: in the topic, and after that among the dead letters, from which it can be
 * replayed.
 */
export const INBOX_RETENTION_MS = TOPIC_RETENTION_MS + DEAD_LETTER_RETENTION_MS + DAY_MS;
/** For this long Kafka can be rebuilt from the outboxes. */
export const OUTBOX_RETENTION_MS = 7 * DAY_MS;
/**
 * Days created in advance. A few missed runs do no harm, and neither does a row without a partition: the default partition takes
 * it.
 */
const DAYS_AHEAD = 3;
/**
 * Creating or dropping a partition locks the whole table for an instant. It must not wait behind a long transaction, because all
 * inserts would wait behind it. It times out instead, and the next run retries.
 */
const LOCK_TIMEOUT_MS = 200;

/** Rows deleted per run from a default partition, where there is no table to drop. */
const MAX_PURGED_ROWS = 10_000;

export interface RetentionOptions {
  readonly database: Database;
  /** The current time, which decides whether a day is over, in epoch ms; see `cautiousNow`. */
  readonly now: () => Promise<number>;
  readonly log: Log;
  /** Called after each run with the number of outbox days that are over the retention and could not be dropped. */
  readonly onUndropped?: (days: number) => void;
}

/**
 * The earlier of the time of this process and that of the database. A purge is final, and an inbox that forgets too early lets a
 * message take effect twice, so one fast clock must not be enough.
 */
export async function cautiousNow(sql: Sql, clock: Clock): Promise<number> {
  const [row] = await sql<[{ now: number }]>`select clock_timestamp() as now`;
  return Math.min(clock.now(), row.now);
}

export class Retention {
  readonly #options: RetentionOptions;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** `processed` counts partitions created and dropped, and rows purged from the default ones. */
  async runOnce(): Promise<RunResult> {
    const { database, onUndropped } = this.#options;
    const now = await this.#options.now();
    const changed = [
      await this.#try((tx) => ensureDays(tx, "inbox", now, DAYS_AHEAD + 1)),
      await this.#try((tx) => ensureDays(tx, "outbox", now, DAYS_AHEAD + 1)),
      await this.#try((tx) => dropDays(tx, "inbox", now - INBOX_RETENTION_MS)),
      await this.#try((tx) => dropDays(tx, "outbox", now - OUTBOX_RETENTION_MS)),
      await this.#try((tx) => purgeDefault(tx, "inbox", now - INBOX_RETENTION_MS)),
      await this.#try((tx) => purgeDefault(tx, "outbox", now - OUTBOX_RETENTION_MS)),
    ];
    onUndropped?.(await countDays(database.sql, "outbox", now - OUTBOX_RETENTION_MS));
    return { processed: changed.reduce((sum, count) => sum + count, 0), hasMore: false };
  }

  async #try(change: (tx: Tx) => Promise<number>): Promise<number> {
    const { database, log } = this.#options;
    try {
      return await database.transaction(async (transaction) => {
        const { tx } = transaction;
        await transaction.send([limitLockWait(tx)]);
        const [count] = await transaction.send([change(tx)]);
        await transaction.finish([]);
        return count;
      });
    } catch (error) {
      if (!(error instanceof AppError && error.code === "DATABASE_LOCKED")) throw error;
      log.info({ err: error }, "retention cannot lock the partitions, retrying in its next run");
      return 0;
    }
  }
}

function limitLockWait(tx: Tx): PromiseLike<unknown> {
  return tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`;
}

async function ensureDays(tx: Tx, table: "inbox" | "outbox", from: number, days: number): Promise<number> {
  const [row] = await tx<
    [{ count: number }]
  >`select ensure_day_partitions(${table}, ${dayOf(from)}::date, ${days}) as count`;
  return row.count;
}

async function dropDays(tx: Tx, table: "inbox" | "outbox", before: number): Promise<number> {
  const [row] = await tx<
    [{ count: number }]
  >`select drop_day_partitions(${table}, ${dayOf(before)}::date) as count`;
  return row.count;
}

/** The days before `before` that have a partition. */
async function countDays(sql: Sql, table: "inbox" | "outbox", before: number): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::integer as count from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass(${table}) and c.relname ~ (${table} || '_\\d{8}$')
       and to_date(right(c.relname, 8), 'YYYYMMDD') < ${dayOf(before)}::date`;
  return row.count;
}

/** Purges rows whose id belongs to a day without a partition. */
async function purgeDefault(tx: Tx, table: "inbox" | "outbox", before: number): Promise<number> {
  const [row] = await tx<
    [{ count: number }]
  >`select purge_default_partition(${table}, ${before}::timestamptz, ${MAX_PURGED_ROWS}) as count`;
  return row.count;
}

/** The UTC day, as Postgres reads it. */
function dayOf(epochMs: number): string {
  return timestampOf(epochMs).slice(0, 10);
}
