// Detects a database from the past: restored from a backup, or a standby that was promoted before it had everything. In it work is open
// again that was finished, and past its deadline: undoing it would take back what shoppers were promised. So no deadline acts on a database
// that was not compared with Kafka: the newest messages of its service must be in its outbox. Run by loops of the orchestrator and the
// services.
//
// The comparison is valid for one server process and one set of tables. Another database behind the same address is compared again;
// the statements that claim overdue work check this themselves.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";
import type { Log } from "../kernel/telemetry.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import { findInOutbox } from "./outbox.ts";
import { identityOf } from "./past-store.ts";
import { OUTBOX_RETENTION_MS } from "./retention.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Ids in a log line. */
const MAX_NAMED = 5;

export interface PastWatchOptions {
  readonly sql: Sql;
  readonly database: DatabaseName;
  /** What does not happen while it is behind, for the log: "no deadline acts". */
  readonly withheld: string;
  /** The ids of the newest messages in each partition that its outbox writes to. */
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

  /** The database that deadlines may act on, as past-store.ts names it; null while there is none. */
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
    const why = this.#rejection ?? `the ${this.#options.database} database is being compared with Kafka`;
    return Promise.reject(new AppError("SERVICE_UNAVAILABLE", why));
  }

  /**
   * Compares once. Throws when Kafka or the database is unavailable; then no deadline acts on a database that was not compared
   * before.
   */
  async runOnce(): Promise<void> {
    const { sql, database, newestSent, now, log, withheld } = this.#options;
    const identity = await identityOf(sql, database);
    if (identity === this.#compared) return;
    this.#compared = null;
    // The outbox no longer has to hold older messages.
    const since = now() - OUTBOX_RETENTION_MS + DAY_MS;
    const newest = (await newestSent()).filter((id) => timeOfId(id) >= since);
    const kept = await findInOutbox(sql, newest);
    const lost = newest.filter((id) => !kept.has(id));
    if (lost.length === 0) {
      if (this.#rejection !== null)
        log.info({ database }, `the ${database} database is up to date with Kafka again`);
      this.#rejection = null;
      this.#compared = identity;
      return;
    }
    const behind = behindText(database);
    if (this.#rejection === null)
      log.error(
        { database, lost: lost.slice(0, MAX_NAMED), messages: lost.length },
        `${behind}; until then ${withheld}`,
      );
    this.#rejection = behind;
  }
}

function behindText(database: DatabaseName): string {
  const rebuild =
    database === "saga" ? "`checkoutctl saga rebuild` or `checkoutctl repair`" : "`checkoutctl repair`";
  return `the ${database} database is older than the messages that it sent to Kafka (restored from a backup, or a standby that was behind?): stop this role, and bring the database up to date with ${rebuild}`;
}
