// Notices a saga database that lies in the past: restored from a backup, or a standby that was promoted before it had everything.
// Sagas that have long come to their end are open there, their deadlines are over, and undoing them would take back what shoppers
// were promised. So no deadline acts on a database that was not compared with Kafka: what the sagas have said last must be
// in their outbox. Ticked by a loop of cmd/orchestrator.
//
// The comparison holds for one server process and one set of tables: another database behind the same address is compared anew,
// which the statement that claims overdue sagas checks by itself.
import type { Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";
import { findInOutbox } from "../messaging/outbox.ts";
import { OUTBOX_RETENTION_MS } from "../messaging/retention.ts";
import type { Log } from "../kernel/telemetry.ts";
import { identityOf } from "./store.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Ids that a log line names. */
const MAX_NAMED = 5;

export interface PastWatchOptions {
  readonly sql: Sql;
  /** The id of the newest message in each partition that sagas write to. */
  readonly newestSent: () => Promise<readonly string[]>;
  /** Epoch ms. */
  readonly now: () => number;
  readonly log: Pick<Log, "info" | "error">;
}

export class PastWatch {
  readonly #options: PastWatchOptions;
  #compared: string | null = null;
  #rejection: string | null = null;

  constructor(options: PastWatchOptions) {
    this.#options = options;
  }

  /** The database that may be acted on, as `identityOf` names it; null while there is none. */
  get compared(): string | null {
    return this.#compared;
  }

  /** Why nothing may be done on this database, or null. */
  get rejection(): string | null {
    return this.#rejection;
  }

  /** For /readyz. */
  ready(): Promise<void> {
    if (this.#compared !== null) return Promise.resolve();
    const why = this.#rejection ?? "the saga database is being compared with Kafka";
    return Promise.reject(new AppError("SERVICE_UNAVAILABLE", why));
  }

  /** One look. Throws when Kafka or the database is away; nothing is acted on then that was not compared before. */
  async runOnce(): Promise<void> {
    const { sql, newestSent, now, log } = this.#options;
    const identity = await identityOf(sql);
    if (identity === this.#compared) return;
    this.#compared = null;
    // What is older the outbox need not have any more.
    const since = now() - OUTBOX_RETENTION_MS + DAY_MS;
    const newest = (await newestSent()).filter((id) => timeOf(id) >= since);
    const kept = await findInOutbox(sql, newest);
    const lost = newest.filter((id) => !kept.has(id));
    if (lost.length === 0) {
      if (this.#rejection !== null)
        log.info({}, "the saga database is up to date with Kafka: deadlines act again");
      this.#rejection = null;
      this.#compared = identity;
      return;
    }
    if (this.#rejection === null)
      log.error(
        { lost: lost.slice(0, MAX_NAMED), partitions: lost.length },
        `${BEHIND}: no deadline acts and no checkout is taken until it is`,
      );
    this.#rejection = BEHIND;
  }
}

const BEHIND =
  "the saga database is older than what its sagas have said in Kafka (restored from a backup?): bring it up to date with `checkoutctl saga rebuild`";

/** Epoch ms out of the first 48 bits of a UUIDv7. */
function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}
