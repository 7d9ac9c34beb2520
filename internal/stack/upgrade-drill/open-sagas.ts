// The sagas that are in progress when a process is replaced or a setting changes. Each must end, and on the table on which it began, whichever
// release has moved it. Called by drill.ts.
import postgres, { type Sql } from "postgres";
import { waitUntil } from "../wait.ts";

const SAGAS_WITHIN_MS = 30_000;
/** Steps that no saga of this table takes. */
const FOREIGN_STEPS: ReadonlyMap<number, readonly string[]> = new Map([
  [1, ["authorize", "capture"]],
  [2, ["charge"]],
]);

/** A saga in progress. */
export interface OpenSaga {
  readonly saga_id: string;
  readonly table_version: number;
  /** For its shopper, who has to confirm the payment. */
  readonly waits: boolean;
}

/** What has become of it. */
export interface EndedSaga {
  readonly saga_id: string;
  readonly table_version: number;
  readonly has_ended: boolean;
  /** Where it stood, over its life. */
  readonly steps: readonly string[];
}

export class OpenSagas implements AsyncDisposable {
  readonly #sql: Sql;
  readonly #met = new Map<string, OpenSaga>();

  /** `url`: the saga database, migrated by the new release. */
  constructor(url: string) {
    this.#sql = postgres(url, { max: 1, onnotice: () => undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }

  /** Resolves when some are in progress; with `waits`, one of them waits for its shopper. Remembers and returns them. */
  async meet({ waits }: { readonly waits: boolean }): Promise<readonly OpenSaga[]> {
    let open: readonly OpenSaga[] = [];
    const some = async () => {
      open = await this.#sql<OpenSaga[]>`
        select saga_id, table_version, action_expires_at is not null as waits from saga_state where completed_at is null`;
      return open.some((saga) => saga.waits || !waits);
    };
    await waitUntil("sagas are in progress", some, { timeoutMs: SAGAS_WITHIN_MS, intervalMs: 100 });
    for (const saga of open)
      this.#met.set(saga.saga_id, {
        ...saga,
        waits: saga.waits || this.#met.get(saga.saga_id)?.waits === true,
      });
    return open;
  }

  /** How many were met so far, for people. */
  summary(): string {
    return summaryOf([...this.#met.values()]);
  }

  /** What is wrong with the ends of those that were met, one sentence each. */
  async faults(): Promise<readonly string[]> {
    const ends = await this.#sql<EndedSaga[]>`
      select saga_id, table_version, completed_at is not null as has_ended,
             array(select distinct step from saga_history h where h.saga_id = s.saga_id) || current_step as steps
        from saga_state s where saga_id = any(${[...this.#met.keys()]}::uuid[])`;
    return endFaults([...this.#met.values()], ends);
  }
}

/** Pure. */
export function endFaults(met: readonly OpenSaga[], ends: readonly EndedSaga[]): readonly string[] {
  const byId = new Map(ends.map((end) => [end.saga_id, end]));
  return met.flatMap(({ saga_id, table_version }) => {
    const end = byId.get(saga_id);
    if (end === undefined) return [`saga ${saga_id} is gone`];
    const foreign = end.steps.find((step) => FOREIGN_STEPS.get(table_version)?.includes(step));
    return [
      ...(end.has_ended ? [] : [`saga ${saga_id} was in progress, and has not ended`]),
      ...(end.table_version === table_version
        ? []
        : [`saga ${saga_id} began on table ${table_version}, and is on table ${end.table_version}`]),
      ...(foreign === undefined
        ? []
        : [`saga ${saga_id} of table ${table_version} took the step ${foreign}`]),
    ];
  });
}

/** Pure. */
export function summaryOf(met: readonly OpenSaga[]): string {
  const versions = [...new Set(met.map(({ table_version }) => table_version))].toSorted((a, b) => a - b);
  return versions
    .map((version) => {
      const ofTable = met.filter(({ table_version }) => table_version === version);
      const waiting = ofTable.filter(({ waits }) => waits).length;
      return `${ofTable.length} of table ${version} (${waiting} waited for their shopper)`;
    })
    .join(", ");
}
