// Detects a saga database from the past: restored from a backup, or a standby that was promoted before it had everything. In it
// finished sagas are open again and past their deadline, and undoing them would take back what shoppers were promised. So no
// deadline acts on a database that was not compared with Kafka: the newest messages of the sagas must be in its outbox. Run by a
// loop of cmd/orchestrator.
//
// The comparison is valid for one server process and one set of tables. Another database behind the same address is compared again;
// the statement that claims overdue sagas checks this itself.
import type { Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import { findInOutbox } from "../messaging/outbox.ts";
import { OUTBOX_RETENTION_MS } from "../messaging/retention.ts";
import type { Log } from "../kernel/telemetry.ts";
import { identityOf } from "./store.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Ids in a log line. */
const MAX_NAMED = 5;

export interface PastWatchOptions {
  readonly sql: Sql;
  /** The ids of the newest messages in each partition that sagas write to. */
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

  /** The database that deadlines may act on, as `identityOf` names it; null while there is none. */
  get compared(): string | null {
    return this.#compared;
  }

  /** Why no deadline may act on this database, or null. */
  get rejection(): string | null {
    return this.#rejection;
  }

  /** For /readyz. */
  ready(): Promise<void> {
    if (this.#compared !== null) return Promise.resolve();
    const why = this.#rejection ?? "the saga database is being compared with Kafka";
    return Promise.reject(new AppError("SERVICE_UNAVAILABLE", why));
  }

  /**
   * Compares once. Throws when Kafka or the database is unavailable; then no deadline acts on a database that was not compared
   * before.
   */
  async runOnce(): Promise<void> {
    const { sql, newestSent, now, log } = this.#options;
    const identity = await identityOf(sql);
    if (identity === this.#compared) return;
    this.#compared = null;
    // The outbox no longer has to hold older messages.
    const since = now() - OUTBOX_RETENTION_MS + DAY_MS;
    const newest = (await newestSent()).filter((id) => timeOfId(id) >= since);
    const kept = await findInOutbox(sql, newest);
    const lost = newest.filter((id) => !kept.has(id));
    if (lost.length === 0) {
      if (this.#rejection !== null)
        log.info({}, "the saga database is up to date with Kafka, deadlines act again");
      this.#rejection = null;
      this.#compared = identity;
      return;
    }
    if (this.#rejection === null)
      log.error(
        { lost: lost.slice(0, MAX_NAMED), messages: lost.length },
        `${BEHIND}; until then no deadline acts and no checkout is admitted`,
      );
    this.#rejection = BEHIND;
  }
}

const BEHIND =
  "the saga database is older than the messages of its sagas in Kafka (restored from a backup, or a standby that was behind?): bring it up to date with `checkoutctl saga rebuild` or `checkoutctl repair`";
