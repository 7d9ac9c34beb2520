// Erases the personal data of rows that are old enough, chunk by chunk from the oldest on. Run hourly by the orchestrator and the
// order service, which bring the statement; replicas may overlap.
import type { RunResult } from "../kernel/ports.ts";
import type { Sql } from "postgres";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Rows looked at in one run. */
const PERSONAL_DATA_CHUNK = 2_000;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";

/** The rows after the id `after`, up to `limit` of them, whose id was made before `before` (epoch ms). */
export interface Chunk {
  readonly after: string;
  readonly before: number;
  readonly limit: number;
}

/** What became of a chunk. */
export interface ChunkErased {
  /** The last id looked at; null where there was none. */
  readonly last: string | null;
  readonly looked: number;
  readonly erased: number;
}

export interface PersonalDataOptions {
  readonly sql: Sql;
  /** Epoch ms. */
  readonly now: () => Promise<number>;
  /** 0 keeps all for ever. */
  readonly days: number;
  /** Erases what is in the chunk and done with. */
  readonly erase: (sql: Sql, chunk: Chunk) => Promise<ChunkErased>;
}

export class PersonalDataRetention {
  readonly #options: PersonalDataOptions;
  /** Ids are in order of time, so what lies before this is done with; after a restart it is looked at once more. */
  #after = BEFORE_ALL;

  constructor(options: PersonalDataOptions) {
    this.#options = options;
  }

  /** `processed` counts the rows looked at. */
  async runOnce(): Promise<RunResult> {
    const { sql, now, days, erase } = this.#options;
    if (days === 0) return { processed: 0, hasMore: false };
    const before = (await now()) - days * DAY_MS;
    const { last, looked } = await erase(sql, { after: this.#after, before, limit: PERSONAL_DATA_CHUNK });
    this.#after = last ?? this.#after;
    return { processed: looked, hasMore: looked >= PERSONAL_DATA_CHUNK };
  }
}
