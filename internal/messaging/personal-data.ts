// Erases personal data from rows that are old enough, in chunks, the oldest first. Run hourly by the orchestrator and the order
// service, which provide the statement; replicas may overlap.
import type { RunResult } from "../kernel/ports.ts";
import type { Sql } from "postgres";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Rows examined in one run. */
const PERSONAL_DATA_CHUNK = 2_000;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";

/** Up to `limit` rows after the id `after` whose id was made before `before` (epoch ms). */
export interface Chunk {
  readonly after: string;
  readonly before: number;
  readonly limit: number;
}

/** The result for one chunk. */
export interface ChunkErased {
  /** The last id examined; null when there was none. */
  readonly last: string | null;
  readonly looked: number;
  readonly erased: number;
}

export interface PersonalDataOptions {
  readonly sql: Sql;
  /** Epoch ms. */
  readonly now: () => Promise<number>;
  /** 0 keeps everything forever. */
  readonly days: number;
  /** Erases the finished rows of the chunk. */
  readonly erase: (sql: Sql, chunk: Chunk) => Promise<ChunkErased>;
}

export class PersonalDataRetention {
  readonly #options: PersonalDataOptions;
  /** Ids are in time order, so everything before this one is done. After a restart it is examined once more. */
  #after = BEFORE_ALL;

  constructor(options: PersonalDataOptions) {
    this.#options = options;
  }

  /** `processed` counts the rows examined. */
  async runOnce(): Promise<RunResult> {
    const { sql, now, days, erase } = this.#options;
    if (days === 0) return { processed: 0, hasMore: false };
    const before = (await now()) - days * DAY_MS;
    const { last, looked } = await erase(sql, { after: this.#after, before, limit: PERSONAL_DATA_CHUNK });
    this.#after = last ?? this.#after;
    return { processed: looked, hasMore: looked >= PERSONAL_DATA_CHUNK };
  }
}
