// Reads the ends of a run's sagas from the saga database: when and how each finished, and when it started to compensate. Read after the
// run, never during it.
import type { Sql } from "postgres";

export interface End {
  readonly status: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly completedAt: number | undefined;
  /** When the saga failed, that is, started to compensate. */
  readonly failedAt: number | undefined;
}

interface Row {
  readonly saga_id: string;
  readonly status: string;
  readonly created_ms: number;
  readonly completed_ms: number | null;
  readonly failed_ms: number | null;
}

/** The ends of the sagas created since `startedAt` (epoch ms), by id. */
export async function readEnds(sagas: Sql, startedAt: number): Promise<ReadonlyMap<string, End>> {
  const rows = await sagas<Row[]>`
    select s.saga_id, s.status, (extract(epoch from s.created_at) * 1000)::float8 as created_ms,
           (extract(epoch from s.completed_at) * 1000)::float8 as completed_ms,
           (extract(epoch from h.at) * 1000)::float8 as failed_ms
      from saga_state s
      left join lateral (select min(at) as at from saga_history
                          where saga_id = s.saga_id and to_status = 'COMPENSATING' and s.status <> 'COMPLETED') h on true
     where s.created_at >= ${new Date(startedAt)}`;
  return new Map(
    rows.map(({ saga_id, status, created_ms, completed_ms, failed_ms }) => [
      saga_id,
      {
        status,
        createdAt: created_ms,
        completedAt: completed_ms ?? undefined,
        failedAt: failed_ms ?? undefined,
      },
    ]),
  );
}
